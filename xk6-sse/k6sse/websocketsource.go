package k6sse

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"github.com/grafana/sobek"

	"github.com/plan-load/xk6-sse/eventstream"
	"github.com/plan-load/xk6-sse/websocket"
)

// newWebSocketSource is the constructor WebSocketSource(url, params).
func (i *instance) newWebSocketSource(call sobek.ConstructorCall) *sobek.Object {
	state := i.stateFor("WebSocketSource")
	request := websocket.Request{Header: defaultHeader(state), MaxMessageBytes: eventstream.DefaultMaxLine}
	args := i.parse(call, "WebSocketSource", []string{"ws", "wss"}, setters{
		"headers":         headersInto(i.vu.Runtime(), request.Header),
		"timeouts":        timeoutsInto(i.vu.Runtime(), "WebSocketSource", durations{"connect": &request.Connect}),
		"maxMessageBytes": wholeInto("maxMessageBytes", 1, &request.MaxMessageBytes),
	})
	request.URL = args.address.String()
	network := websocket.Network{DialContext: state.Dialer.DialContext}
	if state.TLSConfig != nil {
		network.TLSConfig = http11Only(state.TLSConfig)
	}
	if state.CookieJar != nil {
		network.Jar = state.CookieJar
	}
	i.start(call.This, i.wsMetrics, args, func(ctx context.Context) connector {
		return &webSocketConnector{ctx: ctx, network: network, request: request, origin: originOf(args.address)}
	})
	return nil
}

func http11Only(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return config
}

// webSocketConnector opens a WebSocket once.
type webSocketConnector struct {
	ctx     context.Context
	network websocket.Network
	request websocket.Request
	origin  string
}

func (c *webSocketConnector) open() (incoming, *opening, error) {
	begin := time.Now()
	stream, err := websocket.Open(c.ctx, c.network, c.request)
	if err != nil {
		return nil, nil, err
	}
	return stream, &opening{status: http.StatusSwitchingProtocols, origin: c.origin, took: time.Since(begin)}, nil
}

func (c *webSocketConnector) reconnects(error) bool { return false }

func (c *webSocketConnector) release() {}
