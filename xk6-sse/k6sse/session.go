package k6sse

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"go.k6.io/k6/v2/metrics"

	"github.com/plan-load/xk6-sse/client"
)

// incoming is what a session receives: server-sent events, or the messages of a WebSocket.
type incoming interface {
	Next() (client.Event, error)
	Close()
}

// session is the life of a stream on its read goroutine, which never touches the JavaScript runtime.
type session struct {
	// open opens the stream, which ends with its context. Its error is a *client.Error.
	open       func(context.Context) (incoming, *opening, error)
	release    func() // gives back what the stream was opened with
	systemTags *metrics.SystemTagSet
	metrics    *streamMetrics
	emitter    *emitter
	meter      *meter
	pump       *pump
	sink       client.Sink // may be nil
	started    time.Time
}

// run receives the stream until it ends or ctx is done. In any case the pump gets an end.
func (s *session) run(ctx context.Context) {
	s.started = time.Now()
	opened, err := s.connect(ctx)
	if err == nil {
		err = s.receive(ctx, opened)
	}
	s.release()
	var end *client.Error
	errors.As(err, &end)
	if end.Kind != client.KindEnd && end.Kind != client.KindClosed {
		s.emitter.countError(s.metrics.errors, string(end.Kind))
	}
	s.pump.end(delivery{ended: end, event: client.Event{Received: time.Now()}})
}

func (s *session) connect(ctx context.Context) (incoming, error) {
	received, opened, err := s.open(s.traceAddress(ctx))
	at := time.Now()
	s.tagStatus(opened, err)
	s.emitter.count(s.metrics.sessions, 1)
	if err != nil {
		return nil, err
	}
	s.emitter.time(s.metrics.connecting, at.Sub(s.started))
	if s.sink != nil {
		s.sink.Opened(at)
	}
	s.pump.put(ctx, delivery{opened: opened, event: client.Event{Received: at}})
	return received, nil
}

// receive takes the events of the stream to the sink and the pump, and returns what ended it.
func (s *session) receive(ctx context.Context, received incoming) error {
	defer received.Close()
	defer func() { s.emitter.time(s.metrics.sessionDuration, time.Since(s.started)) }()
	for first := true; ; first = false {
		event, err := received.Next()
		if err != nil {
			return err
		}
		if first {
			s.emitter.time(s.metrics.timeToFirst, event.Received.Sub(s.started))
		}
		s.meter.eventReceived()
		if s.sink == nil || !s.sink.TakeEvent(&event) {
			s.pump.put(ctx, delivery{event: event})
		}
	}
}

// traceAddress has the address of the server become a tag.
func (s *session) traceAddress(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if ip, _, err := net.SplitHostPort(info.Conn.RemoteAddr().String()); err == nil {
			s.tag(metrics.TagIP, ip)
		}
	}})
}

func (s *session) tagStatus(opened *opening, err error) {
	var failure *client.Error
	switch {
	case err == nil:
		s.tag(metrics.TagStatus, strconv.Itoa(opened.status))
	case errors.As(err, &failure) && failure.Status > 0:
		s.tag(metrics.TagStatus, strconv.Itoa(failure.Status))
	}
}

func (s *session) tag(tag metrics.SystemTag, value string) {
	s.emitter.tags.SetSystemTagOrMetaIfEnabled(s.systemTags, tag, value)
}

// tagURL tags with the URL, or with the name that the script has given in its place.
func (s *session) tagURL(address *url.URL) {
	if name, named := s.emitter.tags.Tags.Get(metrics.TagName.String()); named {
		s.tag(metrics.TagURL, name)
		return
	}
	s.tag(metrics.TagURL, address.Redacted())
	s.tag(metrics.TagName, address.Redacted())
}
