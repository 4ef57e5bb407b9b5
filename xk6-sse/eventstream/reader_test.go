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
	retry  time.Duration
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
	reader := NewReader(source, 0)
	events, err := readAll(reader)
	if err != io.EOF {
		t.Fatalf("ended with %v", err)
	}
	if !slices.Equal(events, test.events) {
		t.Fatalf("got %q, want %q", events, test.events)
	}
	if reader.Retry() != test.retry {
		t.Fatalf("got retry %v, want %v", reader.Retry(), test.retry)
	}
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
	reader := NewReader(strings.NewReader("retry: 99999999999999999999999\n"), 0)
	_, _ = readAll(reader)
	if decade := 10 * 365 * 24 * time.Hour; reader.Retry() < decade {
		t.Fatalf("got retry %v", reader.Retry())
	}
}

// An event must not wait for what comes after its blank line.
func TestEventIsReturnedAtOnce(t *testing.T) {
	for name, blank := range map[string]string{"LF": "\n\n", "CR": "\r\r", "CRLF": "\r\n\r\n", "half a CRLF": "\r\n\r"} {
		t.Run(name, func(t *testing.T) {
			source := io.MultiReader(strings.NewReader("data: a"+blank), iotest.ErrReader(errors.New("read on")))
			event, err := NewReader(source, 0).Next()
			if err != nil || event != message("a") {
				t.Fatalf("got %q, %v", event, err)
			}
		})
	}
}

func TestErrorOfTheSource(t *testing.T) {
	broken := errors.New("broken")
	reader := NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)), 0)
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
				reader := NewReader(split(stream, at), 10)
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

func TestDefaultMaxLine(t *testing.T) {
	long := "data:" + strings.Repeat("x", DefaultMaxLine-5)
	if events, err := readAll(NewReader(strings.NewReader(long+"\n\n"), 0)); len(events) != 1 || err != io.EOF {
		t.Fatalf("got %d events, %v", len(events), err)
	}
	if _, err := readAll(NewReader(strings.NewReader(long+"x\n\n"), 0)); !errors.Is(err, ErrLineTooLong) {
		t.Fatalf("got %v", err)
	}
}

func TestAllocations(t *testing.T) {
	stream := strings.Repeat("event: token\ndata: some data\n\n", 1000)
	allocations := testing.AllocsPerRun(10, func() {
		_, _ = NewReader(strings.NewReader(stream), 0).drain()
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
	stream := strings.Repeat("id: 12345\nevent: token\ndata: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n", 1000)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = NewReader(strings.NewReader(stream), 0).drain()
	}
}
