package k6sse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"

	"github.com/plan-load/xk6-sse/client"
)

// newEventSource is the constructor EventSource(url, params).
func (i *instance) newEventSource(call sobek.ConstructorCall) *sobek.Object {
	request := client.Request{Header: i.defaultHeader()}
	common := i.parse(call, "EventSource", []string{"http", "https"}, setters{
		"method":  func(value sobek.Value) error { request.Method = strings.ToUpper(value.String()); return nil },
		"headers": headersInto(i.vu.Runtime(), request.Header),
		"body": func(value sobek.Value) error {
			body, isString := value.Export().(string)
			if !isString {
				return errors.New("body must be a string")
			}
			request.Body = body
			return nil
		},
		"timeouts": timeoutsInto(i.vu.Runtime(), "EventSource", durations{
			"connect": &request.Connect, "firstEvent": &request.FirstEvent, "idle": &request.Idle, "total": &request.Total,
		}),
		"maxLineBytes": sizeInto("maxLineBytes", &request.MaxLineBytes),
	})
	request.URL = common.address.String()
	transport := newTransport(i.vu.State())
	httpClient := newHTTPClient(i.vu.State(), transport)
	open := func(ctx context.Context) (incoming, *opening, error) {
		opened, err := client.Open(ctx, httpClient, request)
		if err != nil {
			return nil, nil, err
		}
		return opened, &opening{status: opened.Status, origin: originOf(opened.URL)}, nil
	}
	i.start(call.This, i.sseMetrics, common, open, transport.CloseIdleConnections)
	return nil
}

func (i *instance) defaultHeader() http.Header {
	header := http.Header{}
	if state := i.vu.State(); state != nil && state.Options.UserAgent.Valid {
		header.Set("User-Agent", state.Options.UserAgent.String)
	}
	return header
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
		transport.TLSClientConfig = http11Only(state.TLSConfig)
	}
	return transport
}

func http11Only(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return config
}

func newHTTPClient(state *lib.State, transport *http.Transport) *http.Client {
	httpClient := &http.Client{Transport: transport}
	if state.CookieJar != nil {
		httpClient.Jar = state.CookieJar
	}
	return httpClient
}

func originOf(address *url.URL) string {
	return fmt.Sprintf("%s://%s", address.Scheme, address.Host)
}
