package client

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// DefaultReconnect is without back-off and jitter, which the standard leaves to the client.
var DefaultReconnect = Reconnect{MaxAttempts: 10, Delay: 3 * time.Second}

// Reconnect says whether and when a Source opens its stream again; the zero value, never.
type Reconnect struct {
	// MaxAttempts is how often the stream is opened again altogether; 0 means never.
	MaxAttempts int
	// Delay is the reconnection time until the server sets another with a retry field.
	Delay time.Duration
	// Backoff, above 1, multiplies the wait with every further attempt in a row, that is without an event in between.
	Backoff float64
	// MaxDelay limits what Backoff makes of the wait, but not the reconnection time itself; 0 means no limit.
	MaxDelay time.Duration
	// Jitter is the largest part of the wait, from 0 to 1, that is added to it at random.
	Jitter float64
}

// wait is the time before an attempt, the first one in a row being 1.
func (r Reconnect) wait(reconnectionTime time.Duration, attempt int) time.Duration {
	wait := float64(reconnectionTime) * math.Pow(max(r.Backoff, 1), float64(attempt-1))
	if r.MaxDelay > 0 {
		wait = min(wait, float64(max(r.MaxDelay, reconnectionTime)))
	}
	wait *= 1 + r.Jitter*rand.Float64()
	return time.Duration(min(wait, math.MaxInt64/2))
}

// Source is an event stream that is opened again after it broke, as the HTML Standard says
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection):
//
//	for {
//		stream, err := source.Open()
//		for err == nil {
//			var event client.Event
//			if event, err = stream.Next(); err == nil {
//				fmt.Println(event.Data)
//			}
//		}
//		if !source.Reconnects(err) {
//			return err
//		}
//	}
//
// Its methods are for one goroutine, except for Close.
type Source struct {
	ctx        context.Context
	cancel     context.CancelCauseFunc
	stopTotal  func() bool
	httpClient *http.Client
	request    Request
	reconnect  Reconnect

	stream           *Stream // that is open, or was last
	lastEventID      string
	reconnectionTime time.Duration
	attempts         int
	inARow           int // of the attempts, those since the last event
}

// NewSource returns a source that ends with ctx at the latest. The request's Total is the time of the whole source, its
// other time-outs are those of every connection.
func NewSource(ctx context.Context, httpClient *http.Client, request Request, reconnect Reconnect) *Source {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Source{
		ctx:              ctx,
		cancel:           cancel,
		stopTotal:        cancelAfter(cancel, request.Total, "total"),
		httpClient:       httpClient,
		request:          request,
		reconnect:        reconnect,
		reconnectionTime: reconnect.Delay,
	}
}

// Open opens the stream, after the reconnection time if it was open before. An error is always an *Error.
func (s *Source) Open() (*Stream, error) {
	if s.attempts > 0 {
		if err := s.sleep(s.reconnect.wait(s.reconnectionTime, s.inARow)); err != nil {
			return nil, err
		}
	}
	request := s.request
	request.Total = 0 // it is the source's
	request.LastEventID = s.lastEventID
	stream, err := Open(s.ctx, s.httpClient, request)
	s.stream = stream
	return stream, err
}

func (s *Source) sleep(wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return ended(s.ctx)
	}
}

// Reconnects takes the error of Open or of the stream's Next and returns whether the next Open tries again. After false
// the source is closed.
func (s *Source) Reconnects(err error) bool {
	s.keepUp()
	var end *Error
	if errors.As(err, &end) && end.Kind.isTransient() && s.ctx.Err() == nil && s.attempts < s.reconnect.MaxAttempts {
		s.attempts++
		s.inARow++
		return true
	}
	s.Close()
	return false
}

// keepUp takes over what the stream has said about reconnections.
func (s *Source) keepUp() {
	if s.stream == nil {
		return
	}
	s.lastEventID = s.stream.events.LastEventID()
	if retry, isSet := s.stream.events.Retry(); isSet {
		s.reconnectionTime = retry
	}
	if s.stream.started {
		s.inARow = 0
	}
	s.stream = nil
}

// Close ends the source and its stream. It may be called from any goroutine and more than once.
func (s *Source) Close() {
	s.cancel(errClosed)
	s.stopTotal()
}
