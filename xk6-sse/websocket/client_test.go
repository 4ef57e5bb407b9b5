package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/plan-load/xk6-sse/client"
	"github.com/plan-load/xk6-sse/eventstream"
	"github.com/plan-load/xk6-sse/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve upgrades every request and hands the connection to talk; the connection is closed when that returns.
func serve(t *testing.T, talk func(*websocket.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		talk(connection)
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func open(t *testing.T, request Request) (*Stream, error) {
	t.Helper()
	return Open(t.Context(), Network{DialContext: (&net.Dialer{}).DialContext}, request)
}

func mustOpen(t *testing.T, request Request) *Stream {
	t.Helper()
	stream, err := open(t, request)
	require.NoError(t, err)
	t.Cleanup(stream.Close)
	return stream
}

func requireKind(t *testing.T, kind client.Kind, err error) *client.Error {
	t.Helper()
	var typed *client.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, kind, typed.Kind, typed.Message)
	return typed
}

func text(connection *websocket.Conn, messages ...string) {
	for _, message := range messages {
		_ = connection.WriteMessage(websocket.TextMessage, []byte(message))
	}
}

// untilGone waits until the client is gone, and returns why.
func untilGone(connection *websocket.Conn) error {
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			return err
		}
	}
}

func TestMessages(t *testing.T) {
	begin := time.Now()
	long := strings.Repeat("é", 40_000)
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		text(c, "one", "", long)
		_ = c.WriteMessage(websocket.BinaryMessage, []byte{1})
		_ = untilGone(c)
	})})
	for _, want := range []string{"message one", "message ", "message " + long, "binary \x01"} {
		event, err := stream.Next()
		require.NoError(t, err)
		require.Equal(t, want, event.Type+" "+event.Data)
		require.True(t, event.Received.After(begin))
	}
}

func TestAHugeMessageHoldsNoMemoryAfterwards(t *testing.T) {
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		text(c, strings.Repeat("x", 8*eventstream.MaxSpare))
		_ = untilGone(c)
	})})
	event, err := stream.Next()
	require.NoError(t, err)
	require.Len(t, event.Data, 8*eventstream.MaxSpare)
	require.LessOrEqual(t, cap(stream.buffer), eventstream.MaxSpare)
}

func TestUserAndPasswordOfTheURLAreSentAsBasicAuthentication(t *testing.T) {
	authorization := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization <- r.Header.Get("Authorization")
		if connection, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			_ = connection.Close()
		}
	}))
	t.Cleanup(server.Close)
	at := func(user string) string { return "ws://" + user + strings.TrimPrefix(server.URL, "http://") }
	bearer := http.Header{"Authorization": {"Bearer token"}}
	for _, test := range []struct {
		user   string
		header http.Header
		want   string
	}{
		{"", nil, ""},
		{"user:p%40ss@", nil, "Basic dXNlcjpwQHNz"},
		{"user@", http.Header{"X-Other": {"1"}}, "Basic dXNlcjo="},
		{"user:pass@", bearer, "Bearer token"},
	} {
		mustOpen(t, Request{URL: at(test.user), Header: test.header})
		require.Equal(t, test.want, <-authorization, test.user)
	}
	require.Len(t, bearer, 1)
}

func TestReceivedIsWhenItWasRead(t *testing.T) {
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		// Two frames in one write.
		_, _ = c.NetConn().Write([]byte("\x81\x01a\x81\x01b"))
		_ = untilGone(c)
	})})
	first, err := stream.Next()
	require.NoError(t, err)
	time.Sleep(20 * time.Millisecond)
	second, err := stream.Next()
	require.NoError(t, err)
	require.Equal(t, first.Received, second.Received)
}

func TestEnds(t *testing.T) {
	tests := map[string]struct {
		talk func(*websocket.Conn)
		kind client.Kind
		code int
	}{
		"closed normally": {func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
			_ = untilGone(c)
		}, client.KindEnd, 1000},
		"closed with a code": {func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1012, "restart"))
			_ = untilGone(c)
		}, client.KindEnd, 1012},
		"cut": {func(c *websocket.Conn) { _ = c.NetConn().Close() }, client.KindReset, 0},
		"reset": {func(c *websocket.Conn) {
			_ = c.NetConn().(*net.TCPConn).SetLinger(0)
		}, client.KindReset, 0},
		"broken frame": {func(c *websocket.Conn) {
			_, _ = c.NetConn().Write([]byte("\xff\xff\xff\xff"))
		}, client.KindReset, 0},
		"text that is no UTF-8": {func(c *websocket.Conn) {
			text(c, "\xff\xc3(")
			_ = untilGone(c)
		}, client.KindReset, 0},
		"too long": {func(c *websocket.Conn) {
			text(c, strings.Repeat("x", 101))
			_ = untilGone(c)
		}, client.KindTooLong, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stream := mustOpen(t, Request{URL: serve(t, test.talk), MaxMessageBytes: 100})
			_, err := stream.Next()
			require.Equal(t, test.code, requireKind(t, test.kind, err).Code)
		})
	}
}

func TestTheServerIsToldThatItsTextIsNoUTF8(t *testing.T) {
	farewell := make(chan error, 1)
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		text(c, "\xff")
		farewell <- untilGone(c)
	})})
	_, err := stream.Next()
	require.ErrorContains(t, err, "no UTF-8")
	require.True(t, websocket.IsCloseError(<-farewell, websocket.CloseInvalidFramePayloadData))
}

func TestTheMemoryOfALongMessageIsFreed(t *testing.T) {
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		text(c, strings.Repeat("x", 5<<20), "short")
		_ = untilGone(c)
	})})
	long, err := stream.Next()
	require.NoError(t, err)
	require.Len(t, long.Data, 5<<20)
	_, err = stream.Next()
	require.NoError(t, err)
	require.LessOrEqual(t, cap(stream.buffer), maxSpare)
}

func TestEndsAtEveryByteOfAStream(t *testing.T) {
	frames := "\x81\x05hello\x89\x01p\x81\x7e\x00\x80" + strings.Repeat("y", 128) + "\x88\x02\x03\xe8"
	for length := range len(frames) {
		stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
			_, _ = io.WriteString(c.NetConn(), frames[:length])
			_ = c.NetConn().(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c.NetConn())
		})})
		var err error
		for err == nil {
			_, err = stream.Next()
		}
		requireKind(t, client.KindReset, err)
	}
}

func TestRefusals(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such plan", http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	_, err := open(t, Request{URL: "ws" + strings.TrimPrefix(server.URL, "http")})
	refused := requireKind(t, client.KindStatus, err)
	require.Equal(t, 404, refused.Status)
	require.Equal(t, "no such plan\n", refused.Body)

	for _, address := range []string{"ws://127.0.0.1:1", "nonsense"} {
		_, err = open(t, Request{URL: address})
		requireKind(t, client.KindConnect, err)
	}
}

// listen accepts connections and hands them to answer.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	return "ws://" + peer.TCP(t, func(connection net.Conn) {
		t.Cleanup(func() { _ = connection.Close() })
		answer(connection)
	})
}

func TestAHandshakeThatIsNeverAnswered(t *testing.T) {
	_, err := open(t, Request{URL: listen(t, func(net.Conn) {}), Connect: 30 * time.Millisecond})
	requireKind(t, client.KindTimeout, err)

	_, err = open(t, Request{URL: listen(t, func(c net.Conn) { _ = c.Close() })})
	requireKind(t, client.KindReset, err)
}

func TestAHandshakeEndsWithTheContext(t *testing.T) {
	for name, answer := range map[string]string{
		"no answer": "", "half a head": "HTTP/1.1 101 Switching", "half a refusal": "HTTP/1.1 401 Unauthorized\r\n\r\nno",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			address := listen(t, func(c net.Conn) {
				_, _ = io.WriteString(c, answer)
				time.AfterFunc(20*time.Millisecond, cancel)
			})
			_, err := Open(ctx, Network{DialContext: (&net.Dialer{}).DialContext}, Request{URL: address})
			requireKind(t, client.KindClosed, err)
		})
	}
}

func TestTheDeadlineOfTheContextIsNoTimeout(t *testing.T) {
	address := listen(t, func(net.Conn) {})
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		_, err := Open(ctx, Network{DialContext: (&net.Dialer{}).DialContext}, Request{URL: address})
		cancel()
		requireKind(t, client.KindClosed, err)
	}
}

func TestTheOwnerClosesAtAnyMoment(t *testing.T) {
	left := make(chan error, 1)
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) { left <- untilGone(c) })})
	go stream.Close()
	_, err := stream.Next()
	requireKind(t, client.KindClosed, err)
	require.True(t, websocket.IsCloseError(<-left, 1000), "the server is told")
	stream.Close()
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address := serve(t, func(c *websocket.Conn) { _ = untilGone(c) })
	network := Network{DialContext: (&net.Dialer{}).DialContext}
	stream, err := Open(ctx, network, Request{URL: address})
	require.NoError(t, err)
	cancel()
	_, err = stream.Next()
	requireKind(t, client.KindClosed, err)
	_, err = Open(ctx, network, Request{URL: address})
	requireKind(t, client.KindClosed, err)
}

func TestPingsAreAnswered(t *testing.T) {
	pongs := make(chan string, 1)
	stream := mustOpen(t, Request{URL: serve(t, func(c *websocket.Conn) {
		c.SetPongHandler(func(text string) error {
			pongs <- text
			return errors.New("enough")
		})
		_ = c.WriteControl(websocket.PingMessage, []byte("hi"), time.Now().Add(time.Second))
		_ = untilGone(c)
	})})
	_, err := stream.Next()
	require.Equal(t, "hi", <-pongs)
	requireKind(t, client.KindReset, err)
}
