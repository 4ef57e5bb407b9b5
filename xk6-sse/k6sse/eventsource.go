package k6sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grafana/sobek"
	httpmodule "go.k6.io/k6/v2/js/modules/k6/http"
	"go.k6.io/k6/v2/lib"

	"github.com/plan-load/xk6-sse/client"
)

// newEventSource is the constructor EventSource(url, params).
func (i *instance) newEventSource(call sobek.ConstructorCall) *sobek.Object {
	s := i.newStreamSettings("EventSource")
	args := i.parse(call, "EventSource", []string{"http", "https"}, s.setters(i.vu.Runtime(), "EventSource"))
	i.start(call.This, i.sseMetrics, args, s.connect(args))
	return nil
}

// streamSettings are what the script says of a stream of server-sent events.
type streamSettings struct {
	request   client.Request
	reconnect client.Reconnect
	transport http.RoundTripper
	jar       http.CookieJar
	redirects int
}

// newStreamSettings returns those that k6's options make. It throws in the init context.
func (i *instance) newStreamSettings(what string) *streamSettings {
	state := i.stateFor(what)
	s := &streamSettings{
		request:   client.Request{Method: http.MethodGet, Header: defaultHeader(state)},
		transport: unbounded(state.Transport),
		redirects: int(state.Options.MaxRedirects.Int64),
	}
	if state.CookieJar != nil {
		s.jar = state.CookieJar
	}
	return s
}

func (s *streamSettings) setters(rt *sobek.Runtime, class string) setters {
	request := &s.request
	return setters{
		"method":  func(value sobek.Value) error { request.Method = strings.ToUpper(value.String()); return nil },
		"headers": headersInto(rt, request.Header),
		"body":    s.setBody,
		"jar":     s.setJar,
		"timeouts": timeoutsInto(rt, class, durations{
			"connect": &request.Connect, "firstEvent": &request.FirstEvent, "idle": &request.Idle, "total": &request.Total,
		}),
		"redirects":     wholeInto("redirects", 0, &s.redirects),
		"reconnect":     reconnectInto(rt, class, &s.reconnect),
		"maxLineBytes":  wholeInto("maxLineBytes", 1, &request.MaxLineBytes),
		"maxEventBytes": wholeInto("maxEventBytes", 1, &request.MaxEventBytes),
	}
}

func (s *streamSettings) setBody(value sobek.Value) error {
	body, isString := value.Export().(string)
	if !isString {
		return errors.New("body must be a string")
	}
	s.request.Body = body
	return nil
}

func (s *streamSettings) setJar(value sobek.Value) error {
	jar, isJar := value.Export().(*httpmodule.CookieJar)
	if !isJar {
		return errors.New("jar must be a CookieJar of k6/http")
	}
	s.jar = jar.Jar
	return nil
}

// connect returns what opens the stream of these settings.
func (s *streamSettings) connect(args *arguments) func(context.Context) connector {
	s.request.URL = args.address.String()
	args.method = s.request.Method
	return func(ctx context.Context) connector {
		return eventConnector{client.NewSource(ctx, s.httpClient(), s.request, s.reconnect)}
	}
}

// unbounded is the transport beneath one that bounds answers, if this is such.
func unbounded(transport http.RoundTripper) http.RoundTripper {
	if wrapper, ok := transport.(interface{ Unwrap() http.RoundTripper }); ok {
		return wrapper.Unwrap()
	}
	return transport
}

// httpClient is over the transport of k6/http, with its proxies, TLS options, HTTP/2 and reuse of connections.
func (s *streamSettings) httpClient() *http.Client {
	return &http.Client{
		Transport: s.transport,
		Jar:       s.jar,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > s.redirects {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// eventConnector opens a stream of server-sent events, and again as its Reconnect says.
type eventConnector struct {
	source *client.Source
}

func (c eventConnector) open() (incoming, *opening, error) {
	stream, err := c.source.Open()
	if err != nil {
		return nil, nil, err
	}
	return stream, &opening{
		status: stream.Status, origin: originOf(stream.URL), proto: stream.Proto, took: stream.Connecting, stream: stream,
	}, nil
}

func (c eventConnector) reconnects(err error) bool { return c.source.Reconnects(err) }

func (c eventConnector) release() { c.source.Close() }

// defaultHeader is that of k6/http, whose default user agent is in the option without being marked as set.
func defaultHeader(state *lib.State) http.Header {
	return http.Header{"User-Agent": {state.Options.UserAgent.String}}
}

func originOf(address *url.URL) string {
	return fmt.Sprintf("%s://%s", address.Scheme, address.Host)
}
