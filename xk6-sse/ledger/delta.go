package ledger

import "github.com/plan-load/xk6-sse/histogram"

// delta is what came since it was last drained.
type delta struct {
	Messages       int                 `json:"messages"`
	Latency        histogram.Histogram `json:"latency"`
	QueueDelay     histogram.Histogram `json:"queueDelay"`
	LongestDelayMs float64             `json:"longestDelayMs"`
}

// received takes a message's latency and how long it waited between the socket and its account.
func (d *delta) received(latency, delay float64) {
	d.Latency.Add(latency)
	d.QueueDelay.Add(delay)
	d.LongestDelayMs = max(d.LongestDelayMs, delay)
}

// Drain returns what came since the last call, as JSON: {messages, latency, queueDelay, longestDelayMs}, the
// distributions in the buckets of record/histogram.ts.
func (l *Ledger) Drain() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := mustMarshal(l.pending)
	clear(l.pending.Latency)
	clear(l.pending.QueueDelay)
	l.pending.Messages, l.pending.LongestDelayMs = 0, 0
	return text
}
