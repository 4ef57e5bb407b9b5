package client

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plan-load/xk6-sse/internal/leaktest"
	"github.com/plan-load/xk6-sse/internal/peer"
)

// serveHTTP2 returns the URL of a server of HTTP/2, a client that speaks it, and the count of connections so far.
func serveHTTP2(t *testing.T, handler http.HandlerFunc) (address string, httpClient *http.Client, connections *atomic.Int32) {
	t.Helper()
	leaktest.Check(t)
	connections = new(atomic.Int32)
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = true
	t.Cleanup(transport.CloseIdleConnections)
	return server.URL, server.Client(), connections
}

func TestHTTP2(t *testing.T) {
	address, httpClient, connections := serveHTTP2(t, peer.Stream(true, "data: a\n\n"))
	for range 3 {
		opened, err := Open(t.Context(), httpClient, Request{URL: address})
		require.NoError(t, err)
		t.Cleanup(opened.Close)
		require.Equal(t, "HTTP/2.0", opened.Proto)
		event, err := opened.Next()
		require.NoError(t, err)
		require.Equal(t, "a", event.Data)
	}
	require.EqualValues(t, 1, connections.Load(), "streams share a connection")
}

func TestHTTP2Ends(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		kind    Kind
	}{
		"end":     {peer.Stream(false, "data: a\n\n"), KindEnd},
		"reset":   {breakOff("data: a\n\n"), KindReset},
		"timeout": {peer.Stream(true, "data: a\n\n"), KindTimeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address, httpClient, _ := serveHTTP2(t, test.handler)
			opened, err := Open(t.Context(), httpClient, Request{URL: address, Timeouts: Timeouts{Idle: 500 * time.Millisecond}})
			require.NoError(t, err)
			data, end := readAll(t, opened)
			require.Equal(t, []string{"a"}, data)
			require.Equal(t, test.kind, end.Kind, end.Message)
		})
	}
}

func TestHTTP2CloseReachesTheServer(t *testing.T) {
	gone := make(chan struct{})
	address, httpClient, _ := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		peer.Stream(true)(w, r)
		close(gone)
	})
	opened, err := Open(t.Context(), httpClient, Request{URL: address})
	require.NoError(t, err)
	opened.Close()
	<-gone
	_, err = opened.Next()
	requireKind(t, KindClosed, err)
}
