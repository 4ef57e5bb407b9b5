package k6sse

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
	"gopkg.in/guregu/null.v3"
)

func (b *bench) withCookieJar() {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(b.t, err)
	b.state.CookieJar = jar
}

func TestRedirects(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if n := len(r.URL.Path); n < 4 {
			http.Redirect(w, r, "/"+strings.Repeat("x", n), http.StatusFound)
			return
		}
		peer.Stream(false, "data: "+r.URL.Path+"\n\n")(w, r)
	})
	script := `const es = new EventSource(url, %s); es.onmessage = (e) => log(e.data); es.onerror = (e) => log(e.kind, e.status)`
	for _, test := range []struct {
		option int64
		params string
		log    []string
	}{
		{10, `{}`, []string{"/xxx", "end 200"}},
		{3, `{}`, []string{"/xxx", "end 200"}},
		{2, `{}`, []string{"status 302"}},
		{0, `{}`, []string{"status 302"}},
		{0, `{redirects: 3}`, []string{"/xxx", "end 200"}},
		{10, `{redirects: 0}`, []string{"status 302"}},
	} {
		b.log = nil
		b.state.Options.MaxRedirects = null.IntFrom(test.option)
		b.mustRun(`{` + fmt.Sprintf(script, test.params) + `}`)
		require.Equal(t, test.log, b.log, "%+v", test)
	}
}

func TestGzip(t *testing.T) {
	text := strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n\n", 10)
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", r.Header.Get("Accept-Encoding"))
		compressed := gzip.NewWriter(w)
		_, _ = io.WriteString(compressed, text)
		_ = compressed.Close()
	})
	b.mustRun(`new EventSource(url, {headers: {"Accept-Encoding": "gzip"}}).onmessage = (e) => log(e.data.length)`)
	require.Len(t, b.log, 10)
	received := sum(b.values()["sse_data_received"])
	require.Positive(t, received)
	require.Less(t, received, 1000.0)
}

func TestDataReceived(t *testing.T) {
	parts := []string{"data: a\n\n", ": a comment that is read after the last event" + strings.Repeat(".", 10_000) + "\n\n"}
	b := newBench(t, peer.Stream(false, parts...))
	b.mustRun(`new EventSource(url)`)
	require.EqualValues(t, len(strings.Join(parts, "")), sum(b.values()["sse_data_received"]))
}

func TestEventTooLong(t *testing.T) {
	b := newBench(t, peer.Stream(true, "data: 123456\ndata: 123456\n\n"))
	b.mustRun(`new EventSource(url, {maxEventBytes: 10}).onerror = (e) => log(e.kind, e.message)`)
	require.Equal(t, []string{"too-long an event of the event stream is too long: more than 10 bytes"}, b.log)
}

// A virtual user ends, whatever the server does.
func TestEveryVirtualUserEnds(t *testing.T) {
	drip := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			peer.Stream(false)(w, r)
			for n := 0; r.Context().Err() == nil; n++ {
				_, _ = io.WriteString(w, text[n%len(text):][:1])
				_ = http.NewResponseController(w).Flush()
				time.Sleep(2 * time.Millisecond)
			}
		}
	}
	servers := map[string]http.HandlerFunc{
		"never answers":                func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"never sends":                  peer.Stream(true),
		"a byte at a time":             drip("d"),
		"a byte at a time of comments": drip(": \n\n"),
		"half an event":                peer.Stream(true, "data: a\n"),
		"breaks off":                   breakOff,
		"refuses":                      refuse,
	}
	ways := map[string]string{
		"EventSource":              `new EventSource(url, {timeouts})`,
		"EventSource, reconnect":   `new EventSource(url, {timeouts, reconnect: {maxAttempts: 2, delay: 1}})`,
		"EventSource, total":       `new EventSource(url, {timeouts: {total: 60}, reconnect: {maxAttempts: 60, delay: 1}})`,
		"EventSource, script ends": `const es = new EventSource(url, {reconnect: {delay: 1, maxAttempts: 60}}); setTimeout(() => es.close(), 60)`,
		"sse.open":                 `sse.open(url, {timeout: 60}, () => {})`,
	}
	for serverName, handler := range servers {
		for wayName, script := range ways {
			t.Run(serverName+", "+wayName, func(t *testing.T) {
				b := newBench(t, handler)
				b.mustRun(`const timeouts = {connect: 60, idle: 60};` + script)
			})
		}
	}
}

// Wherever a response breaks, the virtual user ends and has heard why.
func TestVirtualUserEndsWithResetsAtEveryByte(t *testing.T) {
	const response = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"9\r\ndata: a\n\n\r\n9\r\ndata: b\n\n\r\n0\r\n\r\n"
	b := newBench(t, refuse)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var at atomic.Int32
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 4096))
			_, _ = io.WriteString(connection, response[:at.Load()])
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}
	}()
	require.NoError(t, b.runtime.VU.Runtime().Set("broken", "http://"+listener.Addr().String()))
	for n := range len(response) {
		at.Store(int32(n))
		b.log = nil
		b.mustRun(`
			new EventSource(broken, {reconnect: {maxAttempts: 1, delay: 0}}).onerror = (e) => log(e.kind);
			sse.open(broken, (client) => client.on("error", (e) => log(e.kind)));
		`)
		require.GreaterOrEqual(t, len(b.log), 2, "at byte %d", n)
		for _, kind := range b.log {
			require.Equal(t, "reset", kind, "at byte %d", n)
		}
		for len(b.samples) > 0 {
			<-b.samples
		}
	}
}
