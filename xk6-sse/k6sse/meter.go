package k6sse

import (
	"sync"
	"time"

	"go.k6.io/k6/v2/metrics"
)

// meterPeriod is how often at most a stream sends what its meter has collected.
const meterPeriod = time.Second

// meter collects what happens with every event and sends it once a period: a sample per event would cost k6 more than
// the event itself.
type meter struct {
	metrics *streamMetrics
	emitter *emitter
	// alsoEvents, unless nil, counts the events as well.
	alsoEvents *metrics.Metric

	// sending is held while samples are sent: the last flush waits for one that is under way.
	sending sync.Mutex

	mu    sync.Mutex
	timer *time.Timer // ends the period; nil while nothing is collected
	period
}

// period is what a meter has collected.
type period struct {
	events, bytes int           // received
	handed        int           // events handed over
	longest       time.Duration // the longest wait of those
}

// received counts what the read goroutine has read.
func (m *meter) received(events, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events += events
	m.bytes += bytes
	m.startPeriod()
}

// eventHandedOver takes how long an event has waited for the script.
func (m *meter) eventHandedOver(wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handed++
	m.longest = max(m.longest, wait)
	m.startPeriod()
}

// heldBack takes for how long the read goroutine had to wait for the script: what came meanwhile has waited in the
// connection.
func (m *meter) heldBack(wait time.Duration) {
	if wait > 0 {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.longest = max(m.longest, wait)
	}
}

func (m *meter) startPeriod() {
	if m.timer == nil {
		m.timer = time.AfterFunc(meterPeriod, m.flush)
	}
}

// flush ends the period and sends what it has collected.
func (m *meter) flush() {
	m.sending.Lock()
	defer m.sending.Unlock()
	collected := m.reset()
	if collected.events > 0 {
		m.emitter.count(m.metrics.eventsReceived, collected.events)
		if m.alsoEvents != nil {
			m.emitter.count(m.alsoEvents, collected.events)
		}
	}
	if collected.bytes > 0 {
		m.emitter.count(m.metrics.dataReceived, collected.bytes)
	}
	if collected.handed > 0 {
		m.emitter.time(m.metrics.queueDelay, collected.longest)
	}
}

// end sends what is left of a stream that has ended. It is for the event loop, and counts even if the iteration was
// interrupted.
func (m *meter) end() {
	m.flush()
	m.emitter.finish()
}

func (m *meter) reset() period {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	collected := m.period
	m.period = period{}
	return collected
}
