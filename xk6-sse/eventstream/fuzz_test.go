package eventstream

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
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
			got, err := readAll(NewReader(source, 0))
			if err != io.EOF || !slices.Equal(got, want) {
				t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
			}
		}
	})
}

var lineEnds = regexp.MustCompile("\r\n|\r|\n")

// readSlowly follows the text of the standard step by step, on the whole stream at once.
func readSlowly(stream []byte) (events []Event) {
	text := strings.TrimPrefix(decodeSlowly(stream), "\uFEFF")
	lines := lineEnds.Split(text, -1)
	var data, eventType, lastID strings.Builder
	for _, line := range lines[:len(lines)-1] {
		field, value := line, ""
		switch colon := strings.Index(line, ":"); {
		case line == "":
			if event := (Event{eventType.String(), data.String(), lastID.String()}); event.Data != "" {
				event.Data = strings.TrimSuffix(event.Data, "\n")
				if event.Type == "" {
					event.Type = "message"
				}
				events = append(events, event)
			}
			data.Reset()
			eventType.Reset()
			continue
		case colon == 0:
			continue
		case colon > 0:
			field, value = line[:colon], strings.TrimPrefix(line[colon+1:], " ")
		}
		switch field {
		case "event":
			eventType.Reset()
			eventType.WriteString(value)
		case "data":
			data.WriteString(value + "\n")
		case "id":
			if !strings.Contains(value, "\x00") {
				lastID.Reset()
				lastID.WriteString(value)
			}
		}
	}
	return events
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
