package k6sse

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"
)

// streamMetrics are the metrics of one kind of streams.
type streamMetrics struct {
	sessions, eventsReceived, errors                     *metrics.Metric
	reconnects, dataReceived                             *metrics.Metric // of server-sent events only
	connecting, timeToFirst, sessionDuration, queueDelay *metrics.Metric
}

// names are how the metrics of one kind of streams are called.
type names struct {
	prefix, events, timeToFirst string
}

// Those that k6's own WebSockets have are called as there.
var (
	sseNames = names{prefix: "sse_", events: "events_received", timeToFirst: "time_to_first_event"}
	wsNames  = names{prefix: "ws_", events: "msgs_received", timeToFirst: "time_to_first_message"}
)

func registerMetrics(registry *metrics.Registry, n names) (*streamMetrics, error) {
	var failures []error
	register := func(name string, kind metrics.MetricType, contains metrics.ValueType) *metrics.Metric {
		metric, err := registry.NewMetric(n.prefix+name, kind, contains)
		failures = append(failures, err)
		return metric
	}
	m := &streamMetrics{
		sessions:        register("sessions", metrics.Counter, metrics.Default),
		eventsReceived:  register(n.events, metrics.Counter, metrics.Default),
		errors:          register("errors", metrics.Counter, metrics.Default),
		connecting:      register("connecting", metrics.Trend, metrics.Time),
		timeToFirst:     register(n.timeToFirst, metrics.Trend, metrics.Time),
		sessionDuration: register("session_duration", metrics.Trend, metrics.Time),
		queueDelay:      register("queue_delay", metrics.Trend, metrics.Time),
	}
	if n == sseNames {
		m.reconnects = register("reconnects", metrics.Counter, metrics.Default)
		m.dataReceived = register("data_received", metrics.Counter, metrics.Data)
	}
	return m, errors.Join(failures...)
}

// emitter sends the samples of one stream.
type emitter struct {
	ctx     context.Context
	samples chan<- metrics.SampleContainer

	mu   sync.Mutex
	tags metrics.TagsAndMeta // change with every connection
	held []metrics.Sample    // of an iteration that is over
}

func newEmitter(ctx context.Context, state *lib.State, tags metrics.TagsAndMeta) *emitter {
	return &emitter{ctx: ctx, samples: state.Samples, tags: tags}
}

func (e *emitter) tag(enabled *metrics.SystemTagSet, tag metrics.SystemTag, value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tags.SetSystemTagOrMetaIfEnabled(enabled, tag, value)
}

func (e *emitter) currentTags() metrics.TagsAndMeta {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tags.Clone()
}

func (e *emitter) count(metric *metrics.Metric, number int) {
	e.push(metric, e.currentTags(), float64(number))
}

func (e *emitter) time(metric *metrics.Metric, duration time.Duration) {
	e.push(metric, e.currentTags(), metrics.D(duration))
}

// countError counts an error with its kind as a tag.
func (e *emitter) countError(metric *metrics.Metric, kind string) {
	tags := e.currentTags()
	tags.SetTag("kind", kind)
	e.push(metric, tags, 1)
}

// push sends a sample, or holds it when the iteration is over: from then on k6 may stop taking any.
func (e *emitter) push(metric *metrics.Metric, tags metrics.TagsAndMeta, value float64) {
	sample := metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags.Tags},
		Time:       time.Now(),
		Metadata:   tags.Metadata,
		Value:      value,
	}
	if !metrics.PushIfNotDone(e.ctx, e.samples, sample) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.held = append(e.held, sample)
	}
}

// finish sends what was held. It is for the event loop: while that runs the virtual user has not ended, and k6 takes
// samples.
func (e *emitter) finish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sample := range e.held {
		e.samples <- sample
	}
	e.held = nil
}
