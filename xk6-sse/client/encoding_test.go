package client

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
)

// zipped returns a handler that sends the parts as gzip, each flushed when the one before was received.
func zipped(received <-chan struct{}, parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "gzip")
		compressed := gzip.NewWriter(w)
		for _, part := range parts {
			_, _ = io.WriteString(compressed, part)
			_ = compressed.Flush()
			_ = http.NewResponseController(w).Flush()
			select {
			case <-received:
			case <-r.Context().Done():
			}
		}
		_ = compressed.Close()
	}
}

// Every event must come through as soon as the server has flushed it.
func TestGzip(t *testing.T) {
	received := make(chan struct{}, 1)
	long := strings.Repeat("x", 100_000)
	opened := mustOpen(t, Request{
		URL:    serve(t, zipped(received, "data: a\n\n", "data: "+long+"\n\n", ": nothing\n\ndata: c\n\n")),
		Header: http.Header{"Accept-Encoding": {"gzip"}}, // has Go's transport leave the decoding to us
	})
	for _, want := range []string{"a", long, "c"} {
		event, err := opened.Next()
		require.NoError(t, err)
		require.Equal(t, want, event.Data)
		received <- struct{}{}
	}
	_, err := opened.Next()
	requireKind(t, KindEnd, err)
	read := opened.TakeBytesRead()
	require.Positive(t, read)
	require.Less(t, read, 10_000, "bytes are counted as they were sent")
	require.Zero(t, opened.TakeBytesRead())
}

func TestBrokenGzip(t *testing.T) {
	_, end := readAll(t, mustOpen(t, Request{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "x-gzip")
		peer.Stream(true, "data: this was never compressed\n\n")(w, r)
	})}))
	require.Equal(t, KindReset, end.Kind)
	require.Contains(t, end.Message, "gzip: invalid header")
}

// The head of a response must not wait for the first bytes of the compressed stream.
func TestSilentGzip(t *testing.T) {
	opened := mustOpen(t, Request{
		URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			peer.Stream(true)(w, r)
		}),
		Timeouts: Timeouts{Connect: 10 * time.Second, FirstEvent: 30 * time.Millisecond},
	})
	_, err := opened.Next()
	require.Equal(t, "the first event time-out of 30ms passed", requireKind(t, KindTimeout, err).Message)
}

func TestUnknownEncoding(t *testing.T) {
	_, err := open(t, Request{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		peer.Stream(false, "data: a\n\n")(w, r)
	})})
	require.Contains(t, requireKind(t, KindContentType, err).Message, `"br"`)
}

func TestRefusalInGzip(t *testing.T) {
	_, err := open(t, Request{
		Header: http.Header{"Accept-Encoding": {"gzip"}},
		URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusServiceUnavailable)
			compressed := gzip.NewWriter(w)
			_, _ = io.WriteString(compressed, "busy")
			_ = compressed.Close()
		}),
	})
	require.Equal(t, "busy", requireKind(t, KindStatus, err).Body)
}
