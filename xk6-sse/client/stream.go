package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/plan-load/xk6-sse/eventstream"
)

// Event is an event of the stream and when its end was read from the connection.
type Event struct {
	eventstream.Event
	Received time.Time
}

// Stream is an open event stream. Its methods are for one goroutine, except for Close.
type Stream struct {
	// Status is the status of the response.
	Status int
	// Proto is the protocol of the response, such as "HTTP/1.1".
	Proto  string
	Header http.Header
	// URL is where the response came from, after redirects.
	URL *url.URL
	// Connecting is the time from Open to the head of the response.
	Connecting time.Duration

	ctx       context.Context
	cancel    context.CancelCauseFunc
	stopTotal func() bool
	idle      *watchdog
	body      *watchedBody
	events    *eventstream.Reader
	started   bool // there was an event
	err       error
}

func newStream(
	ctx context.Context, cancel context.CancelCauseFunc, stopTotal func() bool, response *http.Response, request Request,
) *Stream {
	idle := newWatchdog(cancel, request.Idle, "idle")
	beforeFirst := idle
	if request.FirstEvent > 0 {
		beforeFirst = newWatchdog(cancel, request.FirstEvent, "first event")
	}
	body := &watchedBody{ReadCloser: response.Body, watchdog: beforeFirst}
	return &Stream{
		Status:    response.StatusCode,
		Proto:     response.Proto,
		Header:    response.Header,
		URL:       response.Request.URL,
		ctx:       ctx,
		cancel:    cancel,
		stopTotal: stopTotal,
		idle:      idle,
		body:      body,
		events: eventstream.NewReader(decode(body, response.Header.Get("Content-Encoding")), eventstream.Options{
			MaxLine: request.MaxLineBytes, MaxEvent: request.MaxEventBytes, LastEventID: request.LastEventID,
		}),
	}
}

// Next waits for the next event. Its error, an *Error, ends the stream and has then released all that it held.
func (s *Stream) Next() (Event, error) {
	if s.err != nil {
		return Event{}, s.err
	}
	event, err := s.events.Next()
	s.body.watchdog.disarm()
	if err != nil {
		s.err = s.explain(err)
		s.Close()
		return Event{}, s.err
	}
	s.body.watchdog = s.idle
	s.started = true
	return Event{Event: event, Received: s.body.received}, nil
}

// Block returns what else than its data the event that Next has returned had itself.
func (s *Stream) Block() eventstream.Block {
	return s.events.Block()
}

// TakeBytesRead returns how many bytes of the body, as they were sent, have been read since it was called last.
func (s *Stream) TakeBytesRead() int {
	read := s.body.read
	s.body.read = 0
	return read
}

func (s *Stream) explain(err error) *Error {
	explained := *readError(s.ctx, err)
	explained.Status = s.Status
	return &explained
}

// Done is closed when the stream is: by Close, its context or a time-out that passed.
func (s *Stream) Done() <-chan struct{} {
	return s.ctx.Done()
}

// Close ends the stream: Next returns the events that are read already and then an error of KindClosed.
// It may be called from any goroutine and more than once.
func (s *Stream) Close() {
	s.cancel(errClosed)
	s.stopTotal()
	_ = s.body.Close()
}

// watchedBody has a watchdog on its reads, counts what was read and keeps the time of the last one.
type watchedBody struct {
	io.ReadCloser
	watchdog *watchdog
	received time.Time
	read     int
}

// Read implements io.Reader.
func (b *watchedBody) Read(buffer []byte) (int, error) {
	b.watchdog.arm()
	n, err := b.ReadCloser.Read(buffer)
	b.received = time.Now()
	b.read += n
	return n, err
}

// watchdog cancels the stream when it stays armed for longer than its limit. A nil one never does.
type watchdog struct {
	timer *time.Timer
	limit time.Duration
	armed bool
}

func newWatchdog(cancel context.CancelCauseFunc, limit time.Duration, name string) *watchdog {
	if limit == 0 {
		return nil
	}
	timer := time.AfterFunc(limit, func() { cancel(timeoutError(name, limit)) })
	timer.Stop()
	return &watchdog{timer: timer, limit: limit}
}

// arm starts the limit's time, unless it runs already.
func (w *watchdog) arm() {
	if w != nil && !w.armed {
		w.armed = true
		w.timer.Reset(w.limit)
	}
}

func (w *watchdog) disarm() {
	if w != nil && w.armed {
		w.armed = false
		w.timer.Stop()
	}
}
