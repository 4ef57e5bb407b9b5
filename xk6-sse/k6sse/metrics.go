package k6sse

import (
	"context"
	"errors"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"
)

// sseMetrics are the metrics of the module.
type sseMetrics struct {
	sessions, eventsReceived, errors                          *metrics.Metric
	connecting, timeToFirstEvent, sessionDuration, queueDelay *metrics.Metric
}

func registerMetrics(registry *metrics.Registry) (*sseMetrics, error) {
	var failures []error
	register := func(name string, kind metrics.MetricType, contains metrics.ValueType) *metrics.Metric {
		metric, err := registry.NewMetric(name, kind, contains)
		failures = append(failures, err)
		return metric
	}
	m := &sseMetrics{
		sessions:         register("sse_sessions", metrics.Counter, metrics.Default),
		eventsReceived:   register("sse_events_received", metrics.Counter, metrics.Default),
		errors:           register("sse_errors", metrics.Counter, metrics.Default),
		connecting:       register("sse_connecting", metrics.Trend, metrics.Time),
		timeToFirstEvent: register("sse_time_to_first_event", metrics.Trend, metrics.Time),
		sessionDuration:  register("sse_session_duration", metrics.Trend, metrics.Time),
		queueDelay:       register("sse_queue_delay", metrics.Trend, metrics.Time),
	}
	return m, errors.Join(failures...)
}

// emitter sends the samples of one stream.
type emitter struct {
	ctx     context.Context
	samples chan<- metrics.SampleContainer
	tags    metrics.TagsAndMeta
}

func newEmitter(ctx context.Context, state *lib.State, tags metrics.TagsAndMeta) *emitter {
	return &emitter{ctx: ctx, samples: state.Samples, tags: tags}
}

func (e *emitter) count(metric *metrics.Metric, number int) {
	e.push(metric, e.tags, float64(number))
}

func (e *emitter) time(metric *metrics.Metric, duration time.Duration) {
	e.push(metric, e.tags, metrics.D(duration))
}

func (e *emitter) push(metric *metrics.Metric, tags metrics.TagsAndMeta, value float64) {
	metrics.PushIfNotDone(e.ctx, e.samples, metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags.Tags},
		Time:       time.Now(),
		Metadata:   tags.Metadata,
		Value:      value,
	})
}

// countError counts an error with its kind as a tag.
func (e *emitter) countError(metric *metrics.Metric, kind string) {
	tags := e.tags.Clone()
	tags.SetTag("kind", kind)
	e.push(metric, tags, 1)
}
