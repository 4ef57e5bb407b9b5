package k6sse

import (
	"context"
	"net/http"

	"github.com/grafana/sobek"

	"github.com/plan-load/xk6-sse/eventstream"
	"github.com/plan-load/xk6-sse/websocket"
)

// newWebSocketSource is the constructor WebSocketSource(url, params).
func (i *instance) newWebSocketSource(call sobek.ConstructorCall) *sobek.Object {
	request := websocket.Request{Header: i.defaultHeader(), MaxMessageBytes: eventstream.DefaultMaxLine}
	common := i.parse(call, "WebSocketSource", []string{"ws", "wss"}, setters{
		"headers":         headersInto(i.vu.Runtime(), request.Header),
		"timeouts":        timeoutsInto(i.vu.Runtime(), "WebSocketSource", durations{"connect": &request.Connect}),
		"maxMessageBytes": sizeInto("maxMessageBytes", &request.MaxMessageBytes),
	})
	request.URL = common.address.String()
	state := i.vu.State()
	network := websocket.Network{DialContext: state.Dialer.DialContext}
	if state.TLSConfig != nil {
		network.TLSConfig = http11Only(state.TLSConfig)
	}
	if state.CookieJar != nil {
		network.Jar = state.CookieJar
	}
	open := func(ctx context.Context) (incoming, *opening, error) {
		opened, err := websocket.Open(ctx, network, request)
		if err != nil {
			return nil, nil, err
		}
		return opened, &opening{status: http.StatusSwitchingProtocols, origin: originOf(common.address)}, nil
	}
	i.start(call.This, i.wsMetrics, common, open, func() {})
	return nil
}
