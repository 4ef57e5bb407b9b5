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

// connector opens a stream. Its errors are *client.Error.
type connector interface {
	open() (incoming, *opening, error)
	// reconnects takes what ended the stream, or kept it from opening, and returns whether open tries again.
	reconnects(error) bool
	// release gives back what the stream was opened with.
	release()
}

// incoming is what a session receives: server-sent events, or the messages of a WebSocket.
type incoming interface {
	Next() (client.Event, error)
	// Done is closed when Next would return an error at once.
	Done() <-chan struct{}
	Close()
}

// outlet takes what there is of a stream to the script.
type outlet interface {
	// put takes a delivery when there is room for it, and returns how long that took; once ctx is done it drops one that
	// has to wait.
	put(ctx context.Context, d delivery) (held time.Duration)
	// end takes the last delivery.
	end(d delivery)
}

// session is the life of a stream on its read goroutine, which never touches the JavaScript runtime.
type session struct {
	connector  connector
	systemTags *metrics.SystemTagSet
	metrics    *streamMetrics
	emitter    *emitter
	meter      *meter
	outlet     outlet
	sink       client.Sink // may be nil
	gate       *gate
	started    time.Time
	attempts   int
	wasOpen    bool
	hadEvent   bool
}

func (i *instance) newSession(m *streamMetrics, args *arguments) *session {
	state := i.vu.State()
	emitter := newEmitter(i.vu.Context(), state, args.tags)
	s := &session{
		systemTags: state.Options.SystemTags,
		metrics:    m,
		emitter:    emitter,
		meter:      &meter{metrics: m, emitter: emitter},
		sink:       args.sink,
		gate:       &gate{},
		started:    time.Now(),
	}
	s.tagURL(args.address)
	if args.method != "" {
		s.tag(metrics.TagMethod, args.method)
	}
	return s
}

// run receives the stream, as often as it is opened, until it ends or ctx is done. In any case the outlet gets an end.
func (s *session) run(ctx context.Context) {
	end := s.attempt(ctx)
	for s.connector.reconnects(end) {
		s.outlet.put(ctx, delivery{interrupted: end, event: client.Event{Received: time.Now()}})
		end = s.attempt(ctx)
	}
	s.connector.release()
	if s.wasOpen {
		s.emitter.time(s.metrics.sessionDuration, time.Since(s.started))
	}
	s.outlet.end(delivery{ended: end, event: client.Event{Received: time.Now()}})
}

// attempt opens the stream and receives it, and returns what ended it.
func (s *session) attempt(ctx context.Context) *client.Error {
	received, err := s.connect(ctx)
	if err == nil {
		err = s.receive(ctx, received)
	}
	var end *client.Error
	errors.As(err, &end)
	if end.Kind != client.KindEnd && end.Kind != client.KindClosed {
		s.emitter.countError(s.metrics.errors, string(end.Kind))
	}
	return end
}

func (s *session) connect(ctx context.Context) (incoming, error) {
	received, opened, err := s.connector.open()
	at := time.Now()
	s.tagResponse(opened, err)
	s.countAttempt(err)
	if err != nil {
		return nil, err
	}
	s.wasOpen = true
	s.emitter.time(s.metrics.connecting, opened.took)
	if s.sink != nil {
		s.sink.Opened(at)
	}
	s.outlet.put(ctx, delivery{opened: opened, event: client.Event{Received: at}})
	return received, nil
}

// countAttempt counts the first one as a session and every other as a reconnection, unless it was closed before.
func (s *session) countAttempt(err error) {
	s.attempts++
	var failure *client.Error
	switch {
	case s.attempts == 1:
		s.emitter.count(s.metrics.sessions, 1)
	case !errors.As(err, &failure) || failure.Kind != client.KindClosed:
		s.emitter.count(s.metrics.reconnects, 1)
	}
}

// receive takes the events of the stream to the sink and the outlet, and returns what ended it.
func (s *session) receive(ctx context.Context, received incoming) error {
	defer received.Close()
	for {
		s.gate.pass(received.Done())
		event, err := received.Next()
		if err != nil {
			s.meter.received(0, bytesOf(received))
			return err
		}
		if ctx.Err() != nil {
			continue // to the error: what was read with an event that had the stream closed is no event any more
		}
		if !s.hadEvent {
			s.hadEvent = true
			s.emitter.time(s.metrics.timeToFirst, event.Received.Sub(s.started))
		}
		s.meter.received(1, bytesOf(received))
		if s.sink == nil || !s.sink.TakeEvent(&event) {
			s.meter.heldBack(s.outlet.put(ctx, delivery{event: event}))
		}
	}
}

// bytesOf returns how many bytes of the stream were read since it was asked last; 0 where they are not counted.
func bytesOf(received incoming) int {
	if counter, counts := received.(interface{ TakeBytesRead() int }); counts {
		return counter.TakeBytesRead()
	}
	return 0
}

// traceAddress has the address of the server become a tag.
func (s *session) traceAddress(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if ip, _, err := net.SplitHostPort(info.Conn.RemoteAddr().String()); err == nil {
			s.tag(metrics.TagIP, ip)
		}
	}})
}

// tagResponse tags with what is known of the response; as in k6/http, with the status 0 where there was none.
func (s *session) tagResponse(opened *opening, err error) {
	var status int
	var proto string
	var failure *client.Error
	if errors.As(err, &failure) {
		status, proto = failure.Status, failure.Proto
	} else {
		status, proto = opened.status, opened.proto
	}
	s.tag(metrics.TagStatus, strconv.Itoa(status))
	if proto != "" {
		s.tag(metrics.TagProto, proto)
	}
}

func (s *session) tag(tag metrics.SystemTag, value string) {
	s.emitter.tag(s.systemTags, tag, value)
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
