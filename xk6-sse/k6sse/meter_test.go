package k6sse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"
)

func TestTheLastFlushWaitsForTheOneThatIsUnderWay(t *testing.T) {
	registry := metrics.NewRegistry()
	registered, err := registerMetrics(registry, sseNames)
	require.NoError(t, err)
	samples := make(chan metrics.SampleContainer) // a send waits until somebody receives
	state := &lib.State{Samples: samples}
	tags := metrics.TagsAndMeta{Tags: registry.RootTagSet()}
	m := &meter{metrics: registered, emitter: newEmitter(t.Context(), state, tags)}

	m.received(5, 0)
	go m.flush()
	require.Eventually(t, func() bool { // it has taken the count, and waits to send it
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.events == 0
	}, 10*time.Second, time.Millisecond)
	last := make(chan struct{})
	go func() {
		m.flush()
		close(last)
	}()
	select {
	case <-last:
		t.Fatal("the count is not sent yet")
	case sample := <-samples:
		require.Equal(t, 5.0, sample.GetSamples()[0].Value)
	}
	<-last
}
