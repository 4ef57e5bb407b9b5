// Package eventstream reads text/event-stream, the format of server-sent events, as the WHATWG HTML Standard defines
// it (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
package eventstream

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// What a Reader takes unless its Options say otherwise, in bytes.
const (
	DefaultMaxLine  = 1 << 20
	DefaultMaxEvent = 16 << 20
)

// The errors of a stream that exceeds a limit of the Reader.
var (
	ErrLineTooLong  = errors.New("a line of the event stream is too long")
	ErrEventTooLong = errors.New("an event of the event stream is too long")
)

// Options are the limits of a Reader and what it knows beforehand.
type Options struct {
	// MaxLine is the longest line in bytes, without its end; 0 means DefaultMaxLine.
	MaxLine int
	// MaxEvent is the longest data of an event in bytes; 0 means DefaultMaxEvent.
	MaxEvent int
	// LastEventID is the last id of the connection before, where the stream continues one.
	LastEventID string
}

const (
	// smallestChunk is what is read at once at first, so that a silent stream costs little, and chunkSize as soon as there
	// is more.
	smallestChunk = 512
	chunkSize     = 4 << 10
	// MaxSpare is the capacity up to which an emptied buffer is kept for reuse, so that one huge event does not hold memory
	// for the rest of the stream.
	MaxSpare    = 64 << 10
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

// Block is what stood between the blank lines around an event; each empty if it did not.
type Block struct {
	Name, ID string
	// Comment is the last one.
	Comment string
}

// Reader reads events. It returns an event as soon as it has read the end of the blank line that completes it.
type Reader struct {
	source            io.Reader
	maxLine, maxEvent int
	err               error // of source or a limit; to be returned once chunk is used up

	buffer  []byte
	chunk   []byte // the part of buffer that is not parsed yet
	partial []byte // the beginning of a line whose end is not read yet
	decoded []byte // a value that had to be repaired

	started  bool   // the first line, the one that may have a byte order mark, is behind
	skipLF   bool   // a line ended with CR: an LF right after it belongs to it
	name     []byte // of the block that is being read, as are data, id and comment
	data     []byte
	id       string
	comment  []byte
	lastName string

	idBuffer    string // becomes lastEventID at the end of the block
	lastEventID string
	retry       time.Duration
	retrySet    bool
}

// NewReader returns a Reader of source.
func NewReader(source io.Reader, options Options) *Reader {
	return &Reader{
		source:      source,
		maxLine:     cmp.Or(options.MaxLine, DefaultMaxLine),
		maxEvent:    cmp.Or(options.MaxEvent, DefaultMaxEvent),
		buffer:      make([]byte, smallestChunk),
		idBuffer:    options.LastEventID,
		lastEventID: options.LastEventID,
	}
}

// Next returns the next event, or the error that ended the stream: io.EOF, one that is ErrLineTooLong or ErrEventTooLong,
// or the source's own. An event that the end of the stream cut short is dropped.
func (r *Reader) Next() (Event, error) {
	r.startBlock()
	for {
		for len(r.chunk) > 0 {
			line, complete := r.cutLine()
			if len(line) > r.maxLine {
				r.fail(tooLong(ErrLineTooLong, r.maxLine))
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

// Block returns what else than its data the event that Next has returned had itself.
func (r *Reader) Block() Block {
	return Block{Name: string(r.name), ID: r.id, Comment: string(r.comment)}
}

// LastEventID returns the id to continue the stream after: the last one of which the stream has ended the block, even
// if the block had no data.
func (r *Reader) LastEventID() string {
	return r.lastEventID
}

// Retry returns the reconnection time that the stream has set last, if it has set one.
func (r *Reader) Retry() (retry time.Duration, isSet bool) {
	return r.retry, r.retrySet
}

func tooLong(err error, limit int) error {
	return fmt.Errorf("%w: more than %d bytes", err, limit)
}

func (r *Reader) fail(err error) {
	r.chunk, r.err = nil, err
}

func (r *Reader) fill() {
	var n int
	n, r.err = r.source.Read(r.buffer)
	r.chunk = r.buffer[:n]
	if n == len(r.buffer) && n < chunkSize {
		r.buffer = make([]byte, chunkSize)
	}
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
	r.setField(name, bytes.TrimPrefix(value, []byte{' '}))
	return Event{}, false
}

func (r *Reader) setField(name, value []byte) {
	switch string(name) {
	case "data":
		r.addData(r.decode(value))
	case "event":
		r.name = append(r.name[:0], r.decode(value)...)
	case "id":
		r.setID(r.decode(value))
	case "retry":
		r.setRetry(value)
	case "":
		r.comment = append(r.comment[:0], r.decode(value)...)
	}
}

func (r *Reader) addData(value []byte) {
	if len(r.data)+len(value) > r.maxEvent {
		r.fail(tooLong(ErrEventTooLong, r.maxEvent))
		return
	}
	r.data = append(append(r.data, value...), '\n')
}

func (r *Reader) decode(value []byte) []byte {
	if utf8.Valid(value) {
		return value
	}
	r.decoded = appendDecoded(r.decoded[:0], value)
	return r.decoded
}

func (r *Reader) setID(id []byte) {
	if bytes.IndexByte(id, 0) >= 0 {
		return
	}
	if string(id) != r.idBuffer {
		r.idBuffer = string(id)
	}
	r.id = r.idBuffer
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
		r.retry, r.retrySet = time.Duration(milliseconds)*time.Millisecond, true
	}
}

// dispatch ends the block. One without data is no event, but its id counts.
func (r *Reader) dispatch() (event Event, dispatched bool) {
	r.lastEventID = r.idBuffer
	if len(r.data) == 0 {
		r.startBlock()
		return Event{}, false
	}
	return Event{Type: r.eventType(), Data: string(r.data[:len(r.data)-1]), LastEventID: r.lastEventID}, true
}

// startBlock empties the buffers of the block before. Between blocks no line is begun.
func (r *Reader) startBlock() {
	r.name, r.data, r.comment, r.id = Emptied(r.name), Emptied(r.data), Emptied(r.comment), ""
	r.decoded = Emptied(r.decoded)
	if len(r.partial) == 0 {
		r.partial = Emptied(r.partial)
	}
}

// Emptied returns the buffer without its content, or none where it has grown beyond MaxSpare.
func Emptied(buffer []byte) []byte {
	if cap(buffer) > MaxSpare {
		return nil
	}
	return buffer[:0]
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
