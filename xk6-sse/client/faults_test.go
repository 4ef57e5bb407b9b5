package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plan-load/xk6-sse/internal/leaktest"
)

// chunked returns text as a chunked body, a chunk per event.
func chunked(text string) string {
	var body strings.Builder
	for event := range strings.SplitAfterSeq(text, "\n\n") {
		fmt.Fprintf(&body, "%x\r\n%s\r\n", len(event), event)
	}
	return body.String() // the last part is empty: the chunk that ends the body
}

func compress(t *testing.T, text string) string {
	t.Helper()
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	for event := range strings.SplitAfterSeq(text, "\n\n") {
		_, err := io.WriteString(writer, event)
		require.NoError(t, err)
		require.NoError(t, writer.Flush())
	}
	require.NoError(t, writer.Close())
	return compressed.String()
}

// Wherever a response breaks, the stream ends with what was complete: all events before, none cut short, never an end
// in good order.
func TestBreaksAtEveryByte(t *testing.T) {
	const status = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	events := "id: 1\ndata: first\n\n" + ": comment\n\nevent: e\r\ndata: second\r\n\r\ndata: third\n\n"
	zipped := compress(t, events)
	responses := map[string]string{
		"chunked":     status + "Transfer-Encoding: chunked\r\n\r\n" + chunked(events),
		"with length": fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", status, len(events), events),
		"gzip":        fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", status, len(zipped), zipped),
	}
	want := []string{"first", "second", "third"}
	for name, response := range responses {
		for _, resets := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reset %v", name, resets), func(t *testing.T) {
				leaktest.Check(t)
				cut := &cutter{response: response, resets: resets}
				address := serveTCP(t, cut.answer)
				before := 0
				for at := range len(response) + 1 {
					cut.at.Store(int32(at))
					data, end := receive(t, newSource(t, Request{URL: address}, Reconnect{}))
					require.Equal(t, want[:len(data)], data)
					switch complete := at == len(response); {
					case !complete:
						require.Equal(t, KindReset, end.Kind, "byte %d: %s", at, end.Message)
					case !resets:
						require.Equal(t, KindEnd, end.Kind, end.Message)
						require.Equal(t, want, data)
					}
					if !resets { // which discards what the client has not read yet
						require.GreaterOrEqual(t, len(data), before)
						before = len(data)
					}
				}
			})
		}
	}
}

// cutter is a server whose response stops after so many bytes, closed or reset.
type cutter struct {
	response string
	at       atomic.Int32
	resets   bool
}

func (c *cutter) answer(connection net.Conn) {
	readRequest(connection)
	_, _ = io.WriteString(connection, c.response[:c.at.Load()])
	if c.resets {
		_ = connection.(*net.TCPConn).SetLinger(0)
	}
	_ = connection.Close()
}

// lost is a connection to a peer that has vanished after it answered a request with something: nothing more comes, what
// is written is never acknowledged, and nobody says so.
type lost struct {
	net.Conn
	answer        io.Reader
	asked, closed context.Context
	ask, close    context.CancelFunc
}

func newLost(t *testing.T, answer string) *lost {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	l := &lost{Conn: ours, answer: strings.NewReader(answer)}
	l.asked, l.ask = context.WithCancel(context.Background())
	l.closed, l.close = context.WithCancel(context.Background())
	return l
}

func (l *lost) Read(buffer []byte) (int, error) {
	<-l.asked.Done()
	if n, err := l.answer.Read(buffer); err == nil {
		return n, nil
	}
	<-l.closed.Done()
	return 0, net.ErrClosed
}

func (l *lost) Write(data []byte) (int, error) {
	l.ask()
	return len(data), nil
}

func (l *lost) Close() error {
	l.ask()
	l.close()
	return l.Conn.Close()
}

func TestHalfOpenConnection(t *testing.T) {
	ends := map[string]struct {
		timeouts Timeouts
		kind     Kind
	}{
		"idle":    {Timeouts{Idle: 40 * time.Millisecond}, KindTimeout},
		"total":   {Timeouts{Total: 40 * time.Millisecond}, KindTimeout},
		"context": {Timeouts{}, KindClosed},
	}
	heads := map[string]string{"no answer": "", "half a head": chunkedHead[:20], "a head": chunkedHead,
		"an event": chunkedHead + "9\r\ndata: a\n\n\r\n", "half an event": chunkedHead + "9\r\ndata: a\n"}
	for headName, head := range heads {
		for endName, end := range ends {
			t.Run(headName+", "+endName, func(t *testing.T) {
				leaktest.Check(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if end.kind == KindClosed {
					time.AfterFunc(40*time.Millisecond, cancel)
				}
				end.timeouts.Connect = end.timeouts.Idle
				source := NewSource(ctx, losingClient(t, head), Request{URL: "http://example.test", Timeouts: end.timeouts}, Reconnect{})
				_, failure := receive(t, source)
				require.Equal(t, end.kind, failure.Kind, failure.Message)
			})
		}
	}
}

func losingClient(t *testing.T, head string) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return newLost(t, head), nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
