// Package eventstream reads text/event-stream, the format of server-sent events, as the WHATWG HTML Standard defines
// it (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
package eventstream

import (
	"bytes"
	"errors"
	"io"
	"time"
	"unicode/utf8"
)

// DefaultMaxLine is the longest line, in bytes without its end, that a Reader takes unless told otherwise.
const DefaultMaxLine = 1 << 20

// ErrLineTooLong is the error of a line that is longer than the Reader's limit.
var ErrLineTooLong = errors.New("a line of the event stream is too long")

const (
	chunkSize   = 4 << 10
	defaultType = "message"
)

var byteOrderMark = []byte("\uFEFF")

// Event is one dispatched event.
type Event struct {
	// Type is the event's name; "message" when the stream gave none.
	Type string
	// Data is the data lines, joined with line feeds.
	Data string
	// LastEventID is the last id the stream has set, by this event or one before it.
	LastEventID string
}

// Reader reads events. It returns an event as soon as it has read the end of the blank line that completes it.
type Reader struct {
	source  io.Reader
	maxLine int
	err     error // of source; to be returned once chunk is used up

	buffer  []byte
	chunk   []byte // the part of buffer that is not parsed yet
	partial []byte // the beginning of a line whose end is not read yet
	decoded []byte // a value that had to be repaired

	started  bool // the first line, the one that may have a byte order mark, is behind
	skipLF   bool // a line ended with CR: an LF right after it belongs to it
	name     []byte
	data     []byte
	lastName string
	lastID   string
	retry    time.Duration
}

// NewReader returns a Reader of source with a limit of maxLine bytes a line, or DefaultMaxLine if that is 0.
func NewReader(source io.Reader, maxLine int) *Reader {
	if maxLine == 0 {
		maxLine = DefaultMaxLine
	}
	return &Reader{source: source, maxLine: maxLine, buffer: make([]byte, chunkSize)}
}

// Next returns the next event, or the error that ended the stream: io.EOF, ErrLineTooLong or the source's own.
// An event that the end of the stream cut short is dropped.
func (r *Reader) Next() (Event, error) {
	for {
		for len(r.chunk) > 0 {
			line, complete := r.cutLine()
			if len(line) > r.maxLine {
				r.chunk, r.err = nil, ErrLineTooLong
				break
			}
			if !complete {
				break
			}
			if event, dispatched := r.processLine(line); dispatched {
				return event, nil
			}
		}
		if r.err != nil {
			return Event{}, r.err
		}
		r.fill()
	}
}

// Retry returns the reconnection time that the stream has set last, or 0 if none.
func (r *Reader) Retry() time.Duration {
	return r.retry
}

func (r *Reader) fill() {
	var n int
	n, r.err = r.source.Read(r.buffer)
	r.chunk = r.buffer[:n]
	if n > 0 && r.skipLF {
		r.chunk = bytes.TrimPrefix(r.chunk, []byte{'\n'})
		r.skipLF = false
	}
}

// cutLine takes the next line off the chunk. A line without its end goes to partial, where the next chunk continues it.
func (r *Reader) cutLine() (line []byte, complete bool) {
	end := lineEnd(r.chunk)
	if end < 0 {
		r.partial = append(r.partial, r.chunk...)
		r.chunk = nil
		return r.partial, false
	}
	line = r.chunk[:end]
	r.dropLineEnd(end)
	if len(r.partial) > 0 {
		line = append(r.partial, line...)
		r.partial = line[:0]
	}
	return line, true
}

func (r *Reader) dropLineEnd(end int) {
	cr := r.chunk[end] == '\r'
	r.chunk = r.chunk[end+1:]
	switch {
	case cr && len(r.chunk) == 0:
		r.skipLF = true
	case cr && r.chunk[0] == '\n':
		r.chunk = r.chunk[1:]
	}
}

// lineEnd returns the index of the first CR or LF, or -1.
func lineEnd(chunk []byte) int {
	lf := bytes.IndexByte(chunk, '\n')
	if lf >= 0 {
		chunk = chunk[:lf]
	}
	if cr := bytes.IndexByte(chunk, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

func (r *Reader) processLine(line []byte) (event Event, dispatched bool) {
	if !r.started {
		r.started = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		return r.dispatch()
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	r.setField(string(name), bytes.TrimPrefix(value, []byte{' '}))
	return Event{}, false
}

func (r *Reader) setField(name string, value []byte) {
	switch name {
	case "data":
		r.data = append(append(r.data, r.decode(value)...), '\n')
	case "event":
		r.name = append(r.name[:0], r.decode(value)...)
	case "id":
		r.setID(r.decode(value))
	case "retry":
		r.setRetry(value)
	}
}

func (r *Reader) decode(value []byte) []byte {
	if utf8.Valid(value) {
		return value
	}
	r.decoded = appendDecoded(r.decoded[:0], value)
	return r.decoded
}

func (r *Reader) setID(id []byte) {
	if bytes.IndexByte(id, 0) < 0 && string(id) != r.lastID {
		r.lastID = string(id)
	}
}

// setRetry takes digits only. It caps the value well before a Duration overflows, at some thirty years.
func (r *Reader) setRetry(value []byte) {
	const maxMilliseconds = 1e12
	var milliseconds int64
	for _, digit := range value {
		if digit < '0' || digit > '9' {
			return
		}
		milliseconds = min(milliseconds*10+int64(digit-'0'), maxMilliseconds)
	}
	if len(value) > 0 {
		r.retry = time.Duration(milliseconds) * time.Millisecond
	}
}

func (r *Reader) dispatch() (event Event, dispatched bool) {
	if len(r.data) > 0 {
		event = Event{Type: r.eventType(), Data: string(r.data[:len(r.data)-1]), LastEventID: r.lastID}
		dispatched = true
	}
	r.name, r.data = r.name[:0], r.data[:0]
	return event, dispatched
}

// eventType makes no new string for a name that is that of the named event before.
func (r *Reader) eventType() string {
	if len(r.name) == 0 {
		return defaultType
	}
	if string(r.name) != r.lastName {
		r.lastName = string(r.name)
	}
	return r.lastName
}
