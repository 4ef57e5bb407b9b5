package k6sse

import (
	"sync"
	"time"
)

// meterPeriod is how often at most a stream sends what its meter has collected.
const meterPeriod = time.Second

// meter collects what happens with every event and sends it once a period: a sample per event would cost k6 more than
// the event itself.
type meter struct {
	metrics *streamMetrics
	emitter *emitter

	mu       sync.Mutex
	timer    *time.Timer // ends the period; nil while nothing is collected
	received int
	handed   int
	longest  time.Duration // the longest wait of the events handed over
}

// eventReceived counts an event that the read goroutine has read.
func (m *meter) eventReceived() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.received++
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

func (m *meter) startPeriod() {
	if m.timer == nil {
		m.timer = time.AfterFunc(meterPeriod, m.flush)
	}
}

// flush ends the period and sends what it has collected.
func (m *meter) flush() {
	received, handed, longest := m.reset()
	if received > 0 {
		m.emitter.count(m.metrics.eventsReceived, received)
	}
	if handed > 0 {
		m.emitter.time(m.metrics.queueDelay, longest)
	}
}

func (m *meter) reset() (received, handed int, longest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	received, handed, longest = m.received, m.handed, m.longest
	m.received, m.handed, m.longest = 0, 0, 0
	return received, handed, longest
}
