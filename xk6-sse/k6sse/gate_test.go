package k6sse

import (
	"context"
	"net/http"
	"testing"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
)

func TestGate(t *testing.T) {
	var g gate
	g.pass(t.Context().Done())
	g.shut()
	g.shut()
	passed := make(chan bool)
	go func() {
		g.pass(t.Context().Done())
		passed <- true
	}()
	select {
	case <-passed:
		t.Fatal("it is shut")
	default:
	}
	g.open()
	g.open()
	require.True(t, <-passed)

	g.shut()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	g.pass(done.Done())
}

func TestAPausedSourceReadsNothingUntilItResumes(t *testing.T) {
	isPaused := make(chan struct{})
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		<-isPaused
		peer.Stream(false, "data: 1\n\ndata: 2\n\n")(w, r)
	})
	require.NoError(t, b.runtime.VU.Runtime().Set("begin", func() { close(isPaused) }))
	b.mustRun(`
		const paused = new EventSource(url);
		paused.pause();
		begin();
		paused.onopen = () => log("open");
		paused.onmessage = (event) => log("paused read", event.data);
		const other = new EventSource(url);
		other.onmessage = (event) => log("other read", event.data);
		other.onerror = () => {
			log("other ended");
			paused.resume();
		};
	`)
	require.Equal(t, []string{"other read 1", "other read 2", "other ended", "paused read 1", "paused read 2"},
		withoutOpen(b.log))
}

func TestAPausedSourceCanBeClosed(t *testing.T) {
	b := newBench(t, peer.Stream(true, "data: 1\n\n"))
	b.mustRun(`
		const paused = new EventSource(url);
		paused.pause();
		const other = new EventSource(url);
		other.onmessage = () => {
			paused.close();
			other.close();
		};
	`)
}

func TestAPausedSourceEndsWithItsTotalTime(t *testing.T) {
	b := newBench(t, peer.Stream(true, "data: 1\n\n"))
	b.mustRun(`
		const paused = new EventSource(url, {timeouts: {total: 100}, reconnect: true});
		paused.onmessage = () => paused.pause();
		paused.onerror = (event) => log(event.message);
	`)
	require.Equal(t, []string{"the total time-out of 100ms passed"}, b.log)
}

func withoutOpen(log []string) (others []string) {
	for _, line := range log {
		if line != "open" {
			others = append(others, line)
		}
	}
	return others
}
