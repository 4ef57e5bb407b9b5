package client

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/plan-load/xk6-sse/internal/leaktest"
	"github.com/plan-load/xk6-sse/internal/peer"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// serve starts a server and returns its URL. The end of the test waits until no connection is in use.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	leaktest.Check(t)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// serveTCP answers every connection with answer, which owns the connection.
func serveTCP(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	leaktest.Check(t)
	return "http://" + peer.TCP(t, answer)
}

func newHTTPClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func open(t *testing.T, request Request) (*Stream, error) {
	t.Helper()
	return Open(t.Context(), newHTTPClient(t), request)
}

func mustOpen(t *testing.T, request Request) *Stream {
	t.Helper()
	opened, err := open(t, request)
	require.NoError(t, err)
	t.Cleanup(opened.Close)
	return opened
}

// readAll returns the data of the events and what ended the stream.
func readAll(t *testing.T, stream *Stream) (data []string, end *Error) {
	t.Helper()
	for {
		event, err := stream.Next()
		if err != nil {
			require.ErrorAs(t, err, &end)
			return data, end
		}
		data = append(data, event.Data)
	}
}

func requireKind(t *testing.T, kind Kind, err error) *Error {
	t.Helper()
	var typed *Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, kind, typed.Kind, typed.Message)
	return typed
}

func TestRequest(t *testing.T) {
	var received *http.Request
	var body []byte
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		received = r
		body, _ = io.ReadAll(r.Body)
		peer.Stream(false)(w, r)
	})
	header := http.Header{"X-Test": {"1"}, "Host": {"example.test"}}
	opened := mustOpen(t, Request{URL: address + "/a?b=c", Method: http.MethodPost, Header: header, Body: "hello"})
	_, _ = readAll(t, opened)

	require.Equal(t, "POST /a?b=c", received.Method+" "+received.URL.String())
	require.Equal(t, "hello", string(body))
	require.Equal(t, "example.test", received.Host)
	require.Equal(t, "1", received.Header.Get("X-Test"))
	require.Equal(t, "text/event-stream", received.Header.Get("Accept"))
	require.Equal(t, "no-store", received.Header.Get("Cache-Control"))
	require.Equal(t, 200, opened.Status)
	require.Equal(t, address+"/a?b=c", opened.URL.String())
	require.Len(t, header, 2, "the caller's header must stay as it is")
}

func TestDefaults(t *testing.T) {
	var received *http.Request
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		received = r
		peer.Stream(false)(w, r)
	})
	_, _ = readAll(t, mustOpen(t, Request{URL: address, Header: http.Header{"Accept": {"*/*"}}}))
	require.Equal(t, http.MethodGet, received.Method)
	require.Equal(t, "*/*", received.Header.Get("Accept"))
}

func TestEvents(t *testing.T) {
	begin := time.Now()
	address := serve(t, peer.Stream(false, "id: 1\nevent: a\ndata: x\n\n", ": comment\n\ndata: y\r\n\r\n"))
	opened := mustOpen(t, Request{URL: address})

	first, err := opened.Next()
	require.NoError(t, err)
	require.Equal(t, "a x 1", first.Type+" "+first.Data+" "+first.LastEventID)
	second, err := opened.Next()
	require.NoError(t, err)
	require.Equal(t, "message y 1", second.Type+" "+second.Data+" "+second.LastEventID)
	require.True(t, first.Received.After(begin) && !second.Received.Before(first.Received))

	_, err = opened.Next()
	require.Equal(t, 200, requireKind(t, KindEnd, err).Status)
	_, again := opened.Next()
	require.Equal(t, err, again)
}

func TestReceivedIsWhenItWasRead(t *testing.T) {
	opened := mustOpen(t, Request{URL: serve(t, peer.Stream(true, "data: a\n\ndata: b\n\n"))})
	first, err := opened.Next()
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond)
	second, err := opened.Next()
	require.NoError(t, err)
	require.Less(t, second.Received.Sub(first.Received), 40*time.Millisecond)
}

func TestRedirect(t *testing.T) {
	target := serve(t, peer.Stream(false, "data: a\n\n"))
	opened := mustOpen(t, Request{URL: serve(t, http.RedirectHandler(target+"/there", http.StatusFound).ServeHTTP)})
	data, _ := readAll(t, opened)
	require.Equal(t, []string{"a"}, data)
	require.Equal(t, target+"/there", opened.URL.String())
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		contentType string
		status      int
		kind        Kind
	}{
		"not found":           {"text/plain", 404, KindStatus},
		"status counts first": {"text/event-stream", 500, KindStatus},
		"no content":          {"", 204, KindStatus},
		"other than 200":      {"text/event-stream", 201, KindStatus},
		"html":                {"text/html", 200, KindContentType},
		"alike":               {"text/event-streams", 200, KindContentType},
		"empty":               {"", 200, KindContentType},
		"redirect to nowhere": {"", 302, KindStatus},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, Request{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.contentType}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, "sorry")
			})})
			refusal := requireKind(t, test.kind, err)
			require.Equal(t, test.status, refusal.Status)
			if test.status != 204 && test.status != 302 {
				require.Equal(t, "sorry", refusal.Body)
				require.Equal(t, test.contentType, refusal.Header.Get("Content-Type"))
			}
		})
	}
}

func TestAcceptedContentTypes(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "Text/Event-Stream ; charset=UTF-8", "text/event-stream;;="} {
		opened := mustOpen(t, Request{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, "data: a\n\n")
		})})
		data, end := readAll(t, opened)
		require.Equal(t, []string{"a"}, data)
		require.Equal(t, KindEnd, end.Kind)
	}
}

func TestRefusalWithLongBody(t *testing.T) {
	_, err := open(t, Request{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})})
	require.Len(t, requireKind(t, KindStatus, err).Body, maxErrorBody)
}

func TestRefusalWithEndlessBody(t *testing.T) {
	_, err := open(t, Request{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "so far")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})})
	require.Equal(t, "so far", requireKind(t, KindContentType, err).Body)
}

func TestConnectErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	tests := map[string]Request{
		"malformed URL":       {URL: "http://[::1"},
		"no host":             {URL: "http:///a"},
		"other scheme":        {URL: "ftp://127.0.0.1/"},
		"bad method":          {URL: "http://127.0.0.1/", Method: "A B"},
		"refused":             {URL: "http://" + listener.Addr().String()},
		"unknown host":        {URL: "http://nowhere.invalid"},
		"unknown certificate": {URL: secure.URL},
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, request)
			require.NotContains(t, requireKind(t, KindConnect, err).Message, "Get ")
		})
	}
}

func TestTooManyRedirects(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
	})
	_, err := open(t, Request{URL: address})
	require.Equal(t, 307, requireKind(t, KindStatus, err).Status)
}

func TestBrokenBeforeTheResponse(t *testing.T) {
	_, err := open(t, Request{URL: serveTCP(t, func(connection net.Conn) { reset(connection, "") })})
	requireKind(t, KindReset, err)
}

func TestRedirectToRefusedConnection(t *testing.T) {
	address := serve(t, http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound).ServeHTTP)
	_, err := open(t, Request{URL: address})
	requireKind(t, KindConnect, err)
}

func TestARedirectToWhereNoStreamCanBeIsARefusal(t *testing.T) {
	for location, message := range map[string]string{
		"ftp://127.0.0.1/":   `unsupported protocol scheme "ftp"`,
		"mailto:a@b.example": `unsupported protocol scheme "mailto"`,
		"http:///nowhere":    "http: no Host in request URL",
		"http://[::1":        `failed to parse Location header "http://[::1"`,
		"%zz":                `failed to parse Location header "%zz"`,
	} {
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusSeeOther)
		})
		source := NewSource(t.Context(), newHTTPClient(t), Request{URL: address}, DefaultReconnect)
		_, err := source.Open()
		refusal := requireKind(t, KindStatus, err)
		require.Contains(t, refusal.Message, "the server redirects to no URL of http or https: "+message)
		require.False(t, source.Reconnects(err), "it is so for good")
	}
}

const chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// reset reads the request, answers with text and resets the connection.
func reset(connection net.Conn, text string) {
	readRequest(connection)
	_, _ = io.WriteString(connection, text)
	time.Sleep(20 * time.Millisecond) // lets the client read text: a reset discards what is unread
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

func readRequest(connection net.Conn) {
	_, _ = connection.Read(make([]byte, 4096))
}

func TestReset(t *testing.T) {
	text := chunkedHead + "9\r\ndata: a\n\n\r\n"
	data, end := readAll(t, mustOpen(t, Request{URL: serveTCP(t, func(c net.Conn) { reset(c, text) })}))
	require.Equal(t, []string{"a"}, data)
	require.Equal(t, KindReset, end.Kind)
}

func TestCutShort(t *testing.T) {
	heads := map[string]string{
		"between chunks":    chunkedHead + "9\r\ndata: a\n\n\r\n",
		"within a chunk":    chunkedHead + "ff\r\ndata: a\n\n",
		"within the length": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: a\n\n",
	}
	for name, text := range heads {
		t.Run(name, func(t *testing.T) {
			data, end := readAll(t, mustOpen(t, Request{URL: serveTCP(t, func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, text)
				_ = c.Close()
			})}))
			require.Equal(t, []string{"a"}, data)
			require.Equal(t, KindReset, end.Kind)
			require.Equal(t, "the response was cut short", end.Message)
		})
	}
}

func TestEndWithoutLength(t *testing.T) {
	_, end := readAll(t, mustOpen(t, Request{URL: serveTCP(t, func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n")
		_ = c.Close()
	})}))
	require.Equal(t, KindEnd, end.Kind)
}

func TestConnectTimeout(t *testing.T) {
	silent := serveTCP(t, func(connection net.Conn) {
		_, _ = io.Copy(io.Discard, connection)
		_ = connection.Close()
	})
	_, err := open(t, Request{URL: silent, Timeouts: Timeouts{Connect: 50 * time.Millisecond}})
	require.Equal(t, "the connect time-out of 50ms passed", requireKind(t, KindTimeout, err).Message)

	_, err = open(t, Request{URL: silent, Timeouts: Timeouts{Total: 50 * time.Millisecond}})
	require.Equal(t, "the total time-out of 50ms passed", requireKind(t, KindTimeout, err).Message)
}

func TestConnectTimeoutEndsWithTheHead(t *testing.T) {
	opened := mustOpen(t, Request{
		URL:      serve(t, trickle(3, 50*time.Millisecond, "data: a\n\n")),
		Timeouts: Timeouts{Connect: 100 * time.Millisecond},
	})
	data, end := readAll(t, opened)
	require.Len(t, data, 3)
	require.Equal(t, KindEnd, end.Kind)
}

// trickle returns a handler that writes part count times with a pause before each.
func trickle(count int, pause time.Duration, part string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer.Stream(false)(w, r)
		for range count {
			time.Sleep(pause)
			_, _ = io.WriteString(w, part)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func TestStreamTimeouts(t *testing.T) {
	const short, long = 80 * time.Millisecond, time.Minute
	event := "data: a\n\n"
	tests := map[string]struct {
		handler  http.HandlerFunc
		timeouts Timeouts
		events   int
		message  string
	}{
		"first event": {
			peer.Stream(true), Timeouts{FirstEvent: short, Idle: long}, 0, "the first event time-out of 80ms passed"},
		"first event that is only a comment": {
			peer.Stream(true, ": hi\n\n"), Timeouts{FirstEvent: short}, 0, "the first event time-out of 80ms passed"},
		"idle after an event": {
			peer.Stream(true, event), Timeouts{FirstEvent: long, Idle: short}, 1, "the idle time-out of 80ms passed"},
		"idle before any event": {
			peer.Stream(true), Timeouts{Idle: short}, 0, "the idle time-out of 80ms passed"},
		"idle in spite of comments": {
			trickle(40, 5*time.Millisecond, ": ping\n\n"), Timeouts{Idle: short}, 0, "the idle time-out of 80ms passed"},
		"a byte at a time": {
			trickle(100, 20*time.Millisecond, "d"), Timeouts{Idle: short}, 0, "the idle time-out of 80ms passed"},
		"total in spite of events": {
			trickle(40, 5*time.Millisecond, ": ping\n\n"), Timeouts{Idle: long, Total: short}, 0,
			"the total time-out of 80ms passed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			data, end := readAll(t, mustOpen(t, Request{URL: serve(t, test.handler), Timeouts: test.timeouts}))
			require.Len(t, data, test.events)
			require.Equal(t, KindTimeout, end.Kind)
			require.Equal(t, test.message, end.Message)
			require.Greater(t, time.Since(begin), short-time.Millisecond)
		})
	}
}

func TestTimeoutsThatDoNotPass(t *testing.T) {
	data, end := readAll(t, mustOpen(t, Request{
		URL:      serve(t, trickle(6, 40*time.Millisecond, "data: a\n\n")),
		Timeouts: Timeouts{Connect: time.Second, FirstEvent: 150 * time.Millisecond, Idle: 150 * time.Millisecond},
	}))
	require.Len(t, data, 6)
	require.Equal(t, KindEnd, end.Kind)
}

func TestIdleDoesNotCountTheCallersTime(t *testing.T) {
	opened := mustOpen(t, Request{
		URL:      serve(t, peer.Stream(false, "data: a\n\ndata: b\n\n")),
		Timeouts: Timeouts{Idle: 50 * time.Millisecond},
	})
	for range 2 {
		_, err := opened.Next()
		require.NoError(t, err)
		time.Sleep(100 * time.Millisecond)
	}
	_, err := opened.Next()
	requireKind(t, KindEnd, err)
}

func TestTooLong(t *testing.T) {
	data, end := readAll(t, mustOpen(t, Request{
		URL:          serve(t, peer.Stream(true, "data: a\n\n", "data: "+strings.Repeat("x", 100))),
		MaxLineBytes: 50,
	}))
	require.Equal(t, []string{"a"}, data)
	require.Equal(t, KindTooLong, end.Kind)
}

func TestCloseWhileWaiting(t *testing.T) {
	opened := mustOpen(t, Request{URL: serve(t, peer.Stream(true, "data: a\n\n"))})
	time.AfterFunc(30*time.Millisecond, opened.Close)
	data, end := readAll(t, opened)
	require.Equal(t, []string{"a"}, data)
	require.Equal(t, KindClosed, end.Kind)
	opened.Close()
}

func TestCloseWithoutNext(t *testing.T) {
	gone := make(chan struct{})
	opened := mustOpen(t, Request{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		peer.Stream(true)(w, r)
		close(gone)
	})})
	opened.Close()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Fatal("the connection is still open")
	}
	_, err := opened.Next()
	requireKind(t, KindClosed, err)
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opened, err := Open(ctx, newHTTPClient(t), Request{URL: serve(t, peer.Stream(true))})
	require.NoError(t, err)
	time.AfterFunc(30*time.Millisecond, cancel)
	_, end := readAll(t, opened)
	require.Equal(t, KindClosed, end.Kind)

	_, err = Open(ctx, newHTTPClient(t), Request{URL: "http://127.0.0.1:1"})
	requireKind(t, KindClosed, err)
}

func TestRoundTripperIsTheCallers(t *testing.T) {
	address, err := url.Parse("http://example.test/")
	require.NoError(t, err)
	httpClient := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200,
			Header:     http.Header{"Content-Type": {"text/event-stream"}},
			Body:       io.NopCloser(strings.NewReader(fmt.Sprintf("data: %s\n\n", r.URL.Host))),
			Request:    r,
		}, nil
	})}
	opened, err := Open(t.Context(), httpClient, Request{URL: address.String()})
	require.NoError(t, err)
	data, _ := readAll(t, opened)
	require.Equal(t, []string{"example.test"}, data)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestErrorText(t *testing.T) {
	require.EqualError(t, &Error{Kind: KindReset, Message: "gone"}, "reset: gone")
}
