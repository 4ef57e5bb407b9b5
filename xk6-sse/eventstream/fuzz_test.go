package eventstream

import (
	"bytes"
	"cmp"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

func FuzzParser(f *testing.F) {
	for _, test := range parseCases {
		f.Add([]byte(test.stream), uint(len(test.stream)/2))
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint) {
		want := readSlowly(stream)
		cut := at % uint(len(stream)+1)
		sources := map[string]io.Reader{
			"whole":        bytes.NewReader(stream),
			"split":        split(string(stream), int(cut)),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		}
		for name, source := range sources {
			reader := NewReader(source, Options{})
			events, err := readAll(reader)
			if err != io.EOF || !slices.Equal(events, want.events) {
				t.Errorf("%s: got %q, %v; want %q", name, events, err, want.events)
			}
			retry, isSet := reader.Retry()
			if reader.LastEventID() != want.lastID || isSet != want.retrySet || isSet && retry != want.retry {
				t.Errorf("%s: got id %q, retry %v, %v; want %+v", name, reader.LastEventID(), retry, isSet, want)
			}
		}
	})
}

var (
	lineEnds = regexp.MustCompile("\r\n|\r|\n")
	digits   = regexp.MustCompile(`^[0-9]+$`)
)

// reading is what there is to a stream.
type reading struct {
	events   []Event
	lastID   string
	retry    time.Duration
	retrySet bool
}

// readSlowly follows the text of the standard step by step, on the whole stream at once.
func readSlowly(stream []byte) (r reading) {
	text := strings.TrimPrefix(decodeSlowly(stream), "\uFEFF")
	lines := lineEnds.Split(text, -1)
	data, eventType, idBuffer := "", "", ""
	for _, line := range lines[:len(lines)-1] {
		field, value, hasColon := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			r.lastID = idBuffer
			if data != "" {
				r.events = append(r.events, Event{cmp.Or(eventType, "message"), strings.TrimSuffix(data, "\n"), r.lastID})
			}
			data, eventType = "", ""
		case hasColon && field == "":
			// a comment
		case field == "event":
			eventType = value
		case field == "data":
			data += value + "\n"
		case field == "id" && !strings.Contains(value, "\x00"):
			idBuffer = value
		case field == "retry" && digits.MatchString(value):
			r.retry, r.retrySet = slowRetry(value), true
		}
	}
	return r
}

// slowRetry has the cap at thirty years that the standard leaves open.
func slowRetry(value string) time.Duration {
	number, _ := new(big.Int).SetString(value, 10)
	if number.Cmp(big.NewInt(1e12)) > 0 {
		number = big.NewInt(1e12)
	}
	return time.Duration(number.Int64()) * time.Millisecond
}

// decodeSlowly replaces, where no character begins, the longest beginning of any character there is, or else one byte.
func decodeSlowly(stream []byte) string {
	var text strings.Builder
	for len(stream) > 0 {
		if r, size := utf8.DecodeRune(stream); r != utf8.RuneError || size > 1 {
			text.WriteRune(r)
			stream = stream[size:]
			continue
		}
		text.WriteRune(utf8.RuneError)
		stream = stream[longestBeginning(stream):]
	}
	return text.String()
}

func longestBeginning(stream []byte) int {
	for length := min(3, len(stream)); length > 1; length-- {
		if beginsCharacter(stream[:length]) {
			return length
		}
	}
	return 1
}

// beginsCharacter tries whether some continuation bytes make start a character.
func beginsCharacter(start []byte) bool {
	for _, next := range []byte{0x80, 0x90, 0xA0, 0xBF} {
		candidate := append(slices.Clone(start), next)
		for len(candidate) <= utf8.UTFMax {
			if r, size := utf8.DecodeRune(candidate); r != utf8.RuneError && size == len(candidate) {
				return true
			}
			candidate = append(candidate, 0x80)
		}
	}
	return false
}
