package k6sse

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/metrics"
)

// inTurn returns a handler that answers with one handler after the other, the last one from then on.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var begun atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		next := int(begun.Add(1)) - 1
		handlers[min(next, len(handlers)-1)](w, r)
	}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

const logReconnection = `
	es.onopen = (e) => log(e.type, e.status, es.readyState);
	es.onmessage = (e) => log(e.data, e.lastEventId);
	es.onerror = (e) => log(e.type, e.kind, e.status, es.readyState, e.reconnecting);
`

func TestReconnection(t *testing.T) {
	var ids []string
	remember := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			ids = append(ids, r.Header.Get("Last-Event-ID"))
			next(w, r)
		}
	}
	b := newBench(t, remember(inTurn(peer.Stream(false, "retry: 1\nid: 7\ndata: a\n\n"), breakOff, noContent)))
	b.mustRun(`const es = new EventSource(url, {reconnect: true});` + logReconnection)
	require.Equal(t, []string{
		"open 200 1", "a 7", "error end 200 0 true",
		"open 200 1", "a 7", "error reset 200 0 true",
		"error status 204 2 false",
	}, b.log)
	require.Equal(t, []string{"", "7", "7"}, ids)

	values := b.values()
	require.Equal(t, []float64{1}, values["sse_sessions"])
	require.Equal(t, []float64{1, 1}, values["sse_reconnects"])
	require.Len(t, values["sse_connecting"], 2)
	require.Len(t, values["sse_time_to_first_event"], 1)
	require.Len(t, values["sse_session_duration"], 1)
	require.Equal(t, []float64{1}, values["sse_errors:reset"])
	require.Equal(t, []float64{1}, values["sse_errors:status"])
	require.Equal(t, 2.0, sum(values["sse_events_received"]))
}

func TestReconnectionsAreLimited(t *testing.T) {
	b := newBench(t, peer.Stream(false))
	b.mustRun(`const es = new EventSource(url, {reconnect: {maxAttempts: 2, delay: 0}});` + logReconnection)
	require.Equal(t, []string{
		"open 200 1", "error end 200 0 true", "open 200 1", "error end 200 0 true", "open 200 1", "error end 200 2 false",
	}, b.log)
	require.Equal(t, []float64{1, 1}, b.values()["sse_reconnects"])
}

func TestNoReconnection(t *testing.T) {
	for _, params := range []string{"{}", "{reconnect: false}"} {
		b := newBench(t, peer.Stream(false))
		b.mustRun(`const es = new EventSource(url, ` + params + `);` + logReconnection)
		require.Equal(t, []string{"open 200 1", "error end 200 2 false"}, b.log)
		require.NotContains(t, b.values(), "sse_reconnects")
	}
}

// The tags of a connection must not stay when there is no other one.
func TestTagsOfReconnections(t *testing.T) {
	b := newBench(t, inTurn(peer.Stream(false), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	b.state.Options.SystemTags = metrics.NewSystemTagSet(metrics.TagStatus, metrics.TagProto, metrics.TagMethod)
	b.mustRun(`new EventSource(url, {reconnect: {maxAttempts: 1, delay: 0}})`)
	seen := map[string]string{}
	for _, sample := range b.taken() {
		tags := sample.Tags.Map()
		seen[sample.Metric.Name] = tags["status"] + " " + tags["proto"] + " " + tags["method"]
	}
	require.Equal(t, "200 HTTP/1.1 GET", seen["sse_sessions"])
	require.Equal(t, "0 HTTP/1.1 GET", seen["sse_reconnects"])
}

func TestCloseWhileItWaitsToReconnect(t *testing.T) {
	scripts := map[string]string{
		"in onerror":   `es.onerror = () => es.close()`,
		"later":        `es.onerror = () => setTimeout(() => es.close(), 10)`,
		"an exception": `es.onerror = () => { throw new Error("mine") }`,
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, peer.Stream(false))
			err := b.run(`const es = new EventSource(url, {reconnect: {delay: "1h"}});` + script)
			if name == "an exception" {
				require.ErrorContains(t, err, "mine")
			} else {
				require.NoError(t, err)
			}
			require.NotContains(t, b.values(), "sse_reconnects")
		})
	}
}

func TestInterruptionWhileItWaitsToReconnect(t *testing.T) {
	b := newBench(t, peer.Stream(false))
	require.NoError(t, b.runtime.VU.Runtime().Set("interrupt", b.runtime.CancelContext))
	require.NoError(t, b.run(`
		const es = new EventSource(url, {reconnect: {delay: "1h"}});
		es.onerror = () => setTimeout(interrupt, 10);
	`))
}

func TestReconnectParams(t *testing.T) {
	tests := map[string]string{
		`1`:                  `TypeError: reconnect must be an object`,
		`{attempts: 1}`:      `TypeError: EventSource has no param "reconnect.attempts"`,
		`{maxAttempts: 0}`:   `TypeError: maxAttempts must be a whole number of at least 1, not 0`,
		`{delay: -1}`:        `TypeError: delay must be milliseconds or a duration like "10s", not -1`,
		`{maxDelay: "long"}`: `TypeError: maxDelay must be milliseconds or a duration like "10s", not long`,
		`{backoff: 0.5}`:     `TypeError: backoff must be a number from 1 to 1000, not 0.5`,
		`{backoff: NaN}`:     `TypeError: backoff must be a number from 1 to 1000, not NaN`,
		`{jitter: 2}`:        `TypeError: jitter must be a number from 0 to 1, not 2`,
	}
	for value, message := range tests {
		t.Run(value, func(t *testing.T) {
			b := newBench(t, refuse)
			b.mustRun(`try { new EventSource(url, {reconnect: ` + value + `}) } catch (e) { log(e) }`)
			require.Equal(t, []string{message}, b.log)
		})
	}
}
