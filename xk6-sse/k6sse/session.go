package k6sse

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"github.com/plan-load/xk6-sse/client"
)

// session is the life of a stream on its read goroutine, which never touches the JavaScript runtime.
type session struct {
	request    client.Request
	httpClient *http.Client
	transport  *http.Transport
	systemTags *metrics.SystemTagSet
	metrics    *sseMetrics
	emitter    *emitter
	meter      *meter
	pump       *pump
	sink       client.Sink // may be nil
	started    time.Time
}

// run receives the stream until it ends or ctx is done. In any case the pump gets an end.
func (s *session) run(ctx context.Context) {
	s.started = time.Now()
	stream, err := s.open(ctx)
	if err == nil {
		err = s.receive(ctx, stream)
	}
	s.transport.CloseIdleConnections()
	var end *client.Error
	errors.As(err, &end)
	if end.Kind != client.KindEnd && end.Kind != client.KindClosed {
		s.emitter.countError(s.metrics.errors, string(end.Kind))
	}
	s.pump.end(delivery{ended: end, event: client.Event{Received: time.Now()}})
}

func (s *session) open(ctx context.Context) (*client.Stream, error) {
	stream, err := client.Open(s.traceAddress(ctx), s.httpClient, s.request)
	took := time.Since(s.started)
	s.tagStatus(stream, err)
	s.emitter.count(s.metrics.sessions, 1)
	if err == nil {
		s.emitter.time(s.metrics.connecting, took)
	}
	return stream, err
}

// receive puts the stream and its events into the pump and returns what ended it.
func (s *session) receive(ctx context.Context, stream *client.Stream) error {
	defer stream.Close()
	defer func() { s.emitter.time(s.metrics.sessionDuration, time.Since(s.started)) }()
	opened := &opening{status: stream.Status, origin: originOf(stream.URL)}
	at := time.Now()
	if s.sink != nil {
		s.sink.Opened(at)
	}
	s.pump.put(ctx, delivery{opened: opened, event: client.Event{Received: at}})
	for first := true; ; first = false {
		event, err := stream.Next()
		if err != nil {
			return err
		}
		if first {
			s.emitter.time(s.metrics.timeToFirstEvent, event.Received.Sub(s.started))
		}
		s.meter.eventReceived()
		if s.sink != nil && s.sink.TakeEvent(&event) {
			continue
		}
		s.pump.put(ctx, delivery{event: event})
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

func (s *session) tagStatus(stream *client.Stream, err error) {
	var failure *client.Error
	switch {
	case err == nil:
		s.tag(metrics.TagStatus, strconv.Itoa(stream.Status))
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

// newTransport returns a transport for one stream, so that no connection outlives it.
func newTransport(state *lib.State) *http.Transport {
	transport := &http.Transport{
		Proxy:              http.ProxyFromEnvironment,
		DialContext:        state.Dialer.DialContext,
		DisableKeepAlives:  state.Options.NoConnectionReuse.Bool,
		DisableCompression: true,
		TLSNextProto:       map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
	}
	if state.TLSConfig != nil {
		transport.TLSClientConfig = state.TLSConfig.Clone()
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return transport
}

func newHTTPClient(state *lib.State, transport *http.Transport) *http.Client {
	httpClient := &http.Client{Transport: transport}
	if state.CookieJar != nil {
		httpClient.Jar = state.CookieJar
	}
	return httpClient
}

func originOf(address *url.URL) string {
	return address.Scheme + "://" + address.Host
}
