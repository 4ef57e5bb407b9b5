package recorder

import (
	"sync"
	"time"

	"github.com/plan-load/xk6-sse/histogram"
)

// lagPeriod is how often the process is asked whether it still keeps up.
const lagPeriod = 10 * time.Millisecond

// lag is by how much the process comes late: how long after its time a timer runs. Where messages have to wait for a
// processor, so do timers.
type lag struct {
	once  sync.Once
	mu    sync.Mutex
	since histogram.Histogram
}

// drain returns the lateness of the timers since the last call. The first call starts the timers, which go on to the
// end of the process.
func (l *lag) drain() histogram.Histogram {
	l.once.Do(func() { go l.measure() })
	l.mu.Lock()
	defer l.mu.Unlock()
	drained := l.since
	l.since = nil
	return drained
}

func (l *lag) measure() {
	for {
		before := time.Now()
		time.Sleep(lagPeriod)
		l.note(time.Since(before) - lagPeriod)
	}
}

// note counts a timer that came late, and with it those that could not be set meanwhile: else a process that stood still
// for a second would have been late once, and not for a hundred timers.
func (l *lag) note(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since.Add(float64(late) / float64(time.Millisecond))
	for late -= lagPeriod; late > 0; late -= lagPeriod {
		l.since.Add(float64(late) / float64(time.Millisecond))
	}
}
