package ledger

import "github.com/plan-load/xk6-sse/histogram"

// Delta is what came since it was last drained.
type Delta struct {
	Messages   int
	Latency    histogram.Histogram
	QueueDelay histogram.Histogram // the wait of messages between socket and account
}

// received takes a message's latency and how long it waited between the socket and its account.
func (d *Delta) received(latency, delay float64) {
	d.Latency.Add(latency)
	d.QueueDelay.Add(delay)
}

// Drain returns what came since the last call.
func (l *Ledger) Drain() Delta {
	l.mu.Lock()
	defer l.mu.Unlock()
	drained := l.pending
	l.pending = Delta{}
	return drained
}
