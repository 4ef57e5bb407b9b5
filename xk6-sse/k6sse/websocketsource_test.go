package k6sse

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"

	"github.com/plan-load/xk6-sse/client"
)

// newSocketBench is a bench whose server speaks WebSocket; the script finds its address as address.
func newSocketBench(t *testing.T, talk func(*websocket.Conn)) *bench {
	t.Helper()
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		connection, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		talk(connection)
	})
	require.NoError(t, b.runtime.VU.Runtime().Set("address", "ws"+strings.TrimPrefix(b.url, "http")))
	return b
}

// say sends messages, closes with 1000 and waits for the client to go.
func say(messages ...string) func(*websocket.Conn) {
	return func(connection *websocket.Conn) {
		for _, message := range messages {
			_ = connection.WriteMessage(websocket.TextMessage, []byte(message))
		}
		_ = connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		untilGone(connection)
	}
}

func untilGone(connection *websocket.Conn) {
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			return
		}
	}
}

func TestWebSocketSource(t *testing.T) {
	b := newSocketBench(t, say("one", "two"))
	require.NoError(t, b.run(`
		const source = new WebSocketSource(address, {tags: {name: "socket"}});
		source.onopen = (event) => log(event.type, event.status, source.readyState);
		source.onmessage = (event) => log(event.type, event.data, event.timestamp > 1e12, event.origin === address);
		source.onerror = (event) => log(event.kind, event.code, event.message, source.readyState);
	`))
	require.Equal(t, []string{
		"open 101 1", "message one true true", "message two true true", "end 1000 closed with 1000 2",
	}, b.log)
	values := b.values()
	require.Equal(t, []float64{1}, values["ws_sessions"])
	require.Equal(t, []float64{2}, values["ws_msgs_received"])
	require.Contains(t, values, "ws_connecting")
	require.Contains(t, values, "ws_session_duration")
	require.NotContains(t, values, "sse_sessions")
}

func TestWebSocketSourceIsClosedByTheScript(t *testing.T) {
	left := make(chan error, 1)
	b := newSocketBench(t, func(connection *websocket.Conn) {
		_ = connection.WriteMessage(websocket.TextMessage, []byte("one"))
		_, _, err := connection.ReadMessage()
		left <- err
	})
	require.NoError(t, b.run(`
		const source = new WebSocketSource(address);
		source.onmessage = () => source.close();
		source.onerror = () => log("not told of what it did itself");
	`))
	require.Empty(t, b.log)
	require.True(t, websocket.IsCloseError(<-left, 1000))
}

func TestWebSocketSourceThatIsRefused(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) })
	require.NoError(t, b.run(`
		const source = new WebSocketSource(url.replace("http", "ws"));
		source.onerror = (event) => log(event.kind, event.status, event.body.trim(), event.code);
	`))
	require.Equal(t, []string{"status 410 gone 0"}, b.log)
	require.Equal(t, []float64{1}, b.values()["ws_errors:status"])
}

func TestWebSocketSourceArguments(t *testing.T) {
	for script, message := range map[string]string{
		`new WebSocketSource()`:                                   "WebSocketSource needs a URL",
		`new WebSocketSource(url)`:                                "WebSocketSource needs a URL that begins with ws:// or wss://",
		`new WebSocketSource(address, {method: "GET"})`:           `WebSocketSource has no param "method"`,
		`new WebSocketSource(address, {timeouts: {idle: 1}})`:     `WebSocketSource has no time-out "idle"`,
		`new WebSocketSource(address, {maxMessageBytes: 0})`:      "maxMessageBytes must be a whole number of at least 1",
		`new WebSocketSource(address, {sink: {}})`:                "sink must be an object of a Go module",
		`new EventSource(url, {sink: 1})`:                         "sink must be an object of a Go module",
		`new WebSocketSource(address, {headers: "x"})`:            "headers must be an object",
		`new WebSocketSource(address, {timeouts: {connect: -1}})`: `the time-out "connect" must be milliseconds`,
	} {
		b := newSocketBench(t, say())
		require.ErrorContains(t, b.run(script), message, script)
	}
}

// takingSink takes every second event.
type takingSink struct {
	opened time.Time
	taken  []string
	offers int
}

func (s *takingSink) Opened(at time.Time) { s.opened = at }

func (s *takingSink) TakeEvent(event *client.Event) bool {
	s.offers++
	if s.offers%2 == 0 {
		s.taken = append(s.taken, event.Data)
	}
	return s.offers%2 == 0
}

func TestASinkTakesEventsBeforeTheScript(t *testing.T) {
	for name, newOne := range map[string]func(*testing.T) *bench{
		"EventSource":     func(t *testing.T) *bench { return newBench(t, peer.Stream(false, "data: 1\n\ndata: 2\n\ndata: 3\n\n")) },
		"WebSocketSource": func(t *testing.T) *bench { return newSocketBench(t, say("1", "2", "3")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newOne(t)
			sink := &takingSink{}
			require.NoError(t, b.runtime.VU.Runtime().Set("sink", sink))
			require.NoError(t, b.run(`
				const source = new `+name+`(typeof address === "string" ? address : url, {sink});
				source.onmessage = (event) => log(event.data);
			`))
			require.Equal(t, []string{"1", "3"}, b.log)
			require.Equal(t, []string{"2"}, sink.taken)
			require.False(t, sink.opened.IsZero())
		})
	}
}
