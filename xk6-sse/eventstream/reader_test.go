package eventstream

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type parseCase struct {
	name   string
	stream string
	events []Event
	lastID string        // to continue after; that of the last event unless set
	retry  time.Duration // none if 0
}

func message(data string) Event { return Event{Type: "message", Data: data} }

func named(name, data string) Event { return Event{Type: name, Data: data} }

func identified(id, data string) Event { return Event{Type: "message", Data: data, LastEventID: id} }

var parseCases = []parseCase{
	{name: "empty stream"},
	{name: "one event", stream: "data: a\n\n", events: []Event{message("a")}},
	{name: "several events", stream: "data: a\n\ndata: b\n\n", events: []Event{message("a"), message("b")}},
	{name: "several blank lines", stream: "\n\n\ndata: a\n\n\n\n", events: []Event{message("a")}},
	{name: "data lines are joined", stream: "data: a\ndata: b\ndata\ndata: c\n\n", events: []Event{message("a\nb\n\nc")}},
	{name: "empty data line", stream: "data\n\n", events: []Event{message("")}},
	{name: "two empty data lines", stream: "data:\ndata\n\n", events: []Event{message("\n")}},
	{name: "no space", stream: "data:a\n\n", events: []Event{message("a")}},
	{name: "only one space goes", stream: "data:  a \n\n", events: []Event{message(" a ")}},
	{name: "a tab stays", stream: "data:\ta\n\n", events: []Event{message("\ta")}},
	{name: "colons in the value", stream: "data: a:b: c\n\n", events: []Event{message("a:b: c")}},
	{name: "comments", stream: ":\n: a\n:data: no\ndata: a\n:\n\n:\n\n", events: []Event{message("a")}},
	{name: "unknown fields", stream: "foo: a\nDATA: no\n data: no\ndata : no\ndata: a\nbar\n\n", events: []Event{message("a")}},
	{name: "unfinished event", stream: "data: a\n\ndata: b\n", events: []Event{message("a")}},
	{name: "unfinished line", stream: "data: a\n\ndata: b", events: []Event{message("a")}},

	{name: "CR", stream: "data: a\rdata: b\r\rdata: c\r\r", events: []Event{message("a\nb"), message("c")}},
	{name: "CRLF", stream: "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", events: []Event{message("a\nb"), message("c")}},
	{name: "mixed ends", stream: "data: a\r\n\ndata: b\n\rdata: c\r\r\ndata: d\n\r\n",
		events: []Event{message("a"), message("b"), message("c"), message("d")}},
	{name: "CR CR LF is two ends", stream: "data: a\r\r\ndata: b\r\n\r", events: []Event{message("a"), message("b")}},
	{name: "LF CR is two ends", stream: "data: a\n\rdata: b\n\r", events: []Event{message("a"), message("b")}},

	{name: "event name", stream: "event: ping\ndata: a\n\ndata: b\n\n", events: []Event{named("ping", "a"), message("b")}},
	{name: "the last name counts", stream: "event: a\nevent: b\ndata: 1\n\n", events: []Event{named("b", "1")}},
	{name: "empty name", stream: "event: a\nevent:\ndata: 1\n\n", events: []Event{message("1")}},
	{name: "name repeated", stream: "event: a\ndata: 1\n\nevent: a\ndata: 2\n\nevent: b\ndata: 3\n\n",
		events: []Event{named("a", "1"), named("a", "2"), named("b", "3")}},
	{name: "no data, no event, no name left", stream: "event: a\n\ndata: b\n\n", events: []Event{message("b")}},
	{name: "name keeps spaces", stream: "event:  a \ndata: 1\n\n", events: []Event{named(" a ", "1")}},

	{name: "id stays", stream: "id: 1\ndata: a\n\ndata: b\n\n", events: []Event{identified("1", "a"), identified("1", "b")}},
	{name: "id without data", stream: "id: 7\n\ndata: a\n\n", events: []Event{identified("7", "a")}},
	{name: "empty id resets", stream: "id: 1\ndata: a\n\nid\ndata: b\n\n", events: []Event{identified("1", "a"), message("b")}},
	{name: "the last id counts", stream: "id: 1\nid: 2\ndata: a\n\n", events: []Event{identified("2", "a")}},
	{name: "id without data at the end", stream: "data: a\n\nid: 7\n\n", events: []Event{message("a")}, lastID: "7"},
	{name: "id of an unfinished block", stream: "id: 1\ndata: a\n\nid: 2\ndata: b\n", events: []Event{identified("1", "a")}},
	{name: "id of an unfinished block without data", stream: "id: 2\n"},
	{name: "id with NUL", stream: "id: 1\nid: 2\x003\ndata: a\n\n", events: []Event{identified("1", "a")}},
	{name: "NUL elsewhere", stream: "event: \x00\ndata: \x00\n\n", events: []Event{named("\x00", "\x00")}},

	{name: "retry", stream: "retry: 1500\n\n", retry: 1500 * time.Millisecond},
	{name: "retry of leading zeros", stream: "retry:0010\n", retry: 10 * time.Millisecond},
	{name: "the last retry counts", stream: "retry: 1\nretry: 2\n", retry: 2 * time.Millisecond},
	{name: "retry of other than digits", stream: "retry: 5\nretry: 1.5\nretry: -1\nretry: +1\nretry: 1s\nretry:  1\nretry\nretry: ١\n",
		retry: 5 * time.Millisecond},

	{name: "byte order mark", stream: "\uFEFFdata: a\n\n", events: []Event{message("a")}},
	{name: "byte order mark before a blank line", stream: "\uFEFF\ndata: a\n\n", events: []Event{message("a")}},
	{name: "only one byte order mark", stream: "\uFEFF\uFEFFdata: a\n\ndata: b\n\n", events: []Event{message("b")}},
	{name: "byte order mark later", stream: "data: a\n\n\uFEFFdata: b\n\ndata: \uFEFF\n\n",
		events: []Event{message("a"), message("\uFEFF")}},
	{name: "half a byte order mark", stream: "\xEF\xBBdata: a\n\ndata: b\n\n", events: []Event{message("b")}},

	{name: "multi-byte characters", stream: "event: ж\nid: €\ndata: 😀é\n\n",
		events: []Event{{Type: "ж", Data: "😀é", LastEventID: "€"}}},
	{name: "U+2028 and U+0085 end no line", stream: "data: a\u2028b\u0085c\n\n", events: []Event{message("a\u2028b\u0085c")}},
	{name: "lone bytes", stream: "data: \xFFa\x80\x80b\xC0\xAF\n\n",
		events: []Event{message("\uFFFDa\uFFFD\uFFFDb\uFFFD\uFFFD")}},
	{name: "cut characters are one each", stream: "data: \xE2\x82a\xF0\x9F\x98b\xC3\n\n",
		events: []Event{message("\uFFFDa\uFFFDb\uFFFD")}},
	{name: "surrogates and overlong forms are one a byte", stream: "data: \xED\xA0\x80\xE0\x80\x80\xF4\x90\x80\x80\n\n",
		events: []Event{message(strings.Repeat("\uFFFD", 10))}},
	{name: "a cut character before another", stream: "data: \xE2\x82\xE2\x82\xAC\n\n", events: []Event{message("\uFFFD€")}},
	{name: "broken characters in name and id", stream: "event: \xFF\nid: \xFF\ndata: \xFF\n\n",
		events: []Event{{Type: "\uFFFD", Data: "\uFFFD", LastEventID: "\uFFFD"}}},

	{name: "longer than a chunk", stream: "data: " + strings.Repeat("x", 3*chunkSize) + "\r\n\r\ndata: b\r\n\r\n",
		events: []Event{message(strings.Repeat("x", 3*chunkSize)), message("b")}},
}

func TestReader(t *testing.T) {
	for _, test := range parseCases {
		t.Run(test.name, func(t *testing.T) {
			check(t, test, strings.NewReader(test.stream))
			check(t, test, iotest.OneByteReader(strings.NewReader(test.stream)))
			check(t, test, iotest.DataErrReader(strings.NewReader(test.stream)))
			for at := range min(len(test.stream), 200) {
				check(t, test, split(test.stream, at))
			}
		})
	}
}

func check(t *testing.T, test parseCase, source io.Reader) {
	t.Helper()
	reader := NewReader(source, Options{})
	events, err := readAll(reader)
	if err != io.EOF {
		t.Fatalf("ended with %v", err)
	}
	if !slices.Equal(events, test.events) {
		t.Fatalf("got %q, want %q", events, test.events)
	}
	if retry, isSet := reader.Retry(); retry != test.retry || isSet != (test.retry > 0) {
		t.Fatalf("got retry %v, %v, want %v", retry, isSet, test.retry)
	}
	if want := test.wantLastID(); reader.LastEventID() != want {
		t.Fatalf("got last id %q, want %q", reader.LastEventID(), want)
	}
}

func (c parseCase) wantLastID() string {
	if c.lastID == "" && len(c.events) > 0 {
		return c.events[len(c.events)-1].LastEventID
	}
	return c.lastID
}

func readAll(reader *Reader) (events []Event, err error) {
	for {
		event, err := reader.Next()
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
}

// split returns a reader that returns the first at bytes of stream from one Read and the others from the next.
func split(stream string, at int) io.Reader {
	return io.MultiReader(strings.NewReader(stream[:at]), strings.NewReader(stream[at:]))
}

func TestRetryTooLong(t *testing.T) {
	reader := NewReader(strings.NewReader("retry: 99999999999999999999999\n"), Options{})
	_, _ = readAll(reader)
	if retry, _ := reader.Retry(); retry < 10*365*24*time.Hour {
		t.Fatalf("got retry %v", retry)
	}
}

func TestRetryOfZeroIsSet(t *testing.T) {
	reader := NewReader(strings.NewReader("retry: 0\n"), Options{})
	_, _ = readAll(reader)
	if retry, isSet := reader.Retry(); retry != 0 || !isSet {
		t.Fatalf("got retry %v, %v", retry, isSet)
	}
}

func TestLastEventIDOfTheConnectionBefore(t *testing.T) {
	reader := NewReader(strings.NewReader("data: a\n\nid: 8\ndata: b\n\n"), Options{LastEventID: "7"})
	if reader.LastEventID() != "7" {
		t.Fatalf("began with %q", reader.LastEventID())
	}
	events, _ := readAll(reader)
	if want := []Event{identified("7", "a"), identified("8", "b")}; !slices.Equal(events, want) {
		t.Fatalf("got %q, want %q", events, want)
	}
}

func TestBlock(t *testing.T) {
	stream := ": first\n:second\nid: 1\ndata: a\n\n" + "event: message\ndata: b\n\n" + ": alone\nid: 2\n\n" + "data: c\n:\xFF\n\n" +
		"id: 3\nid: \x00\ndata: d\n\n" + "id\ndata: e\n\n"
	reader := NewReader(strings.NewReader(stream), Options{})
	var got []string
	for event, err := reader.Next(); err == nil; event, err = reader.Next() {
		block := reader.Block()
		got = append(got, strings.Join([]string{event.Data, block.Name, block.ID, block.Comment}, "|"))
	}
	if want := []string{"a||1|second", "b|message||", "c|||\uFFFD", "d||3|", "e|||"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// An event must not wait for what comes after its blank line.
func TestEventIsReturnedAtOnce(t *testing.T) {
	for name, blank := range map[string]string{"LF": "\n\n", "CR": "\r\r", "CRLF": "\r\n\r\n", "half a CRLF": "\r\n\r"} {
		t.Run(name, func(t *testing.T) {
			source := io.MultiReader(strings.NewReader("data: a"+blank), iotest.ErrReader(errors.New("read on")))
			event, err := NewReader(source, Options{}).Next()
			if err != nil || event != message("a") {
				t.Fatalf("got %q, %v", event, err)
			}
		})
	}
}

func TestErrorOfTheSource(t *testing.T) {
	broken := errors.New("broken")
	reader := NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)), Options{})
	events, err := readAll(reader)
	if !errors.Is(err, broken) || !slices.Equal(events, []Event{message("a")}) {
		t.Fatalf("got %q, %v", events, err)
	}
	if _, err := reader.Next(); !errors.Is(err, broken) {
		t.Fatalf("then got %v", err)
	}
}

func TestLineTooLong(t *testing.T) {
	tests := map[string]struct {
		stream string
		want   error
	}{
		"at the limit":           {"data: 7890\n\n", io.EOF},
		"at the limit with CRLF": {"data: 7890\r\n\r\n", io.EOF},
		"over the limit":         {"data: 78901\n\n", ErrLineTooLong},
		"without an end":         {"data: 78901", ErrLineTooLong},
		"a comment":              {":234567890" + "1\n", ErrLineTooLong},
		"many short lines":       {strings.Repeat("data: 7890\n", 100) + "\n", io.EOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stream := "data: a\n\n" + test.stream
			for at := range stream {
				reader := NewReader(split(stream, at), Options{MaxLine: 10})
				events, err := readAll(reader)
				if !errors.Is(err, test.want) || len(events) == 0 || events[0] != message("a") {
					t.Fatalf("got %q, %v", events, err)
				}
				if _, err := reader.Next(); !errors.Is(err, test.want) {
					t.Fatalf("then got %v", err)
				}
			}
		})
	}
}

func TestEventTooLong(t *testing.T) {
	tests := map[string]struct {
		stream string
		want   error
	}{
		"at the limit":             {"data: 1234\ndata: 6789\ndata\n\n", io.EOF},
		"over the limit":           {"data: 1234\ndata: 6789\ndata: 1\n\n", ErrEventTooLong},
		"one line":                 {"data: 12345678901\n\n", ErrEventTooLong},
		"of empty lines":           {strings.Repeat("data\n", 12), ErrEventTooLong},
		"without an end":           {strings.Repeat("data: 1\n", 1000), ErrEventTooLong},
		"many short events":        {strings.Repeat("data: 7890\n\n", 100), io.EOF},
		"what counts is only data": {strings.Repeat("id: 1\n: comment\nevent: e\n", 100) + "data: a\n\n", io.EOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reader := NewReader(strings.NewReader("data: a\n\n"+test.stream+"data: next\n\n"), Options{MaxEvent: 10})
			events, err := readAll(reader)
			if !errors.Is(err, test.want) || len(events) == 0 || events[0] != message("a") {
				t.Fatalf("got %q, %v", events, err)
			}
			if _, err := reader.Next(); !errors.Is(err, test.want) {
				t.Fatalf("then got %v", err)
			}
		})
	}
}

// An endless event must not take endless memory, whatever the sizes of its lines.
func TestTheMemoryOfALongEventIsFreed(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	reader := NewReader(strings.NewReader("data: "+long+"\n\ndata: \xff"+long+"\n\ndata: a\n\n"), Options{MaxLine: 6 << 20})
	for range 3 {
		if _, err := reader.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if kept := cap(reader.partial) + cap(reader.data) + cap(reader.decoded); kept > 3*MaxSpare {
		t.Errorf("%d bytes are kept", kept)
	}
}

func TestDefaultMaxEvent(t *testing.T) {
	line := "data: " + strings.Repeat("x", 1<<19) + "\n"
	endless := &repeater{text: line}
	if _, err := NewReader(endless, Options{}).Next(); !errors.Is(err, ErrEventTooLong) {
		t.Fatalf("got %v", err)
	}
	if endless.read > DefaultMaxEvent+2*len(line) {
		t.Fatalf("read %d bytes", endless.read)
	}
}

// repeater reads as text over and over, and counts what was read.
type repeater struct {
	text string
	read int
}

func (r *repeater) Read(buffer []byte) (int, error) {
	n := copy(buffer, r.text[r.read%len(r.text):])
	r.read += n
	return n, nil
}

func TestAHugeEventHoldsNoMemoryAfterwards(t *testing.T) {
	huge := strings.Repeat("x", 8*MaxSpare) + "\xff" // to be repaired
	reader := NewReader(iotest.HalfReader(strings.NewReader(
		": "+huge+"\nevent: "+huge+"\ndata: "+huge+"\ndata: "+huge+"\n\ndata: small\n\n")), Options{})
	for _, want := range []int{2*len(huge) + 1, len("small")} {
		event, err := reader.Next()
		if err != nil || len(strings.ReplaceAll(event.Data, "\uFFFD", "\xff")) != want {
			t.Fatalf("got %d bytes and %v, want %d", len(event.Data), err, want)
		}
	}
	for name, buffer := range map[string][]byte{
		"name": reader.name, "data": reader.data, "comment": reader.comment, "partial": reader.partial,
		"decoded": reader.decoded, "buffer": reader.buffer,
	} {
		if cap(buffer) > MaxSpare {
			t.Errorf("%s holds %d bytes", name, cap(buffer))
		}
	}
}

func TestDefaultMaxLine(t *testing.T) {
	long := "data:" + strings.Repeat("x", DefaultMaxLine-5)
	if events, err := readAll(NewReader(strings.NewReader(long+"\n\n"), Options{})); len(events) != 1 || err != io.EOF {
		t.Fatalf("got %d events, %v", len(events), err)
	}
	if _, err := readAll(NewReader(strings.NewReader(long+"x\n\n"), Options{})); !errors.Is(err, ErrLineTooLong) {
		t.Fatalf("got %v", err)
	}
}

func TestAllocations(t *testing.T) {
	stream := strings.Repeat("event: token\ndata: some data\n\n", 1000)
	allocations := testing.AllocsPerRun(10, func() {
		_, _ = NewReader(strings.NewReader(stream), Options{}).drain()
	})
	if perEvent := allocations / 1000; perEvent > 1.1 {
		t.Fatalf("%.2f allocations an event, want one: the data", perEvent)
	}
}

func (r *Reader) drain() (count int, err error) {
	for ; err == nil; count++ {
		_, err = r.Next()
	}
	return count, err
}

func BenchmarkReader(b *testing.B) {
	streams := map[string]string{
		"200 bytes": "data: " + strings.Repeat("x", 192) + "\n\n",
		"tokens":    "id: 12345\nevent: token\ndata: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n",
		"CRLF":      "data: " + strings.Repeat("x", 190) + "\r\n\r\n",
		"CR":        "data: " + strings.Repeat("x", 192) + "\r\r",
		"20 lines":  strings.Repeat("data: 1234\n", 20) + "\n",
		"16 KiB":    "data: " + strings.Repeat("x", 16<<10) + "\n\n",
	}
	for name, event := range streams {
		b.Run(name, func(b *testing.B) {
			reader := NewReader(&repeater{text: event}, Options{})
			b.SetBytes(int64(len(event)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := reader.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
