package ledger

import (
	"encoding/json"
	"math"
)

// The buckets of record/histogram.ts: 32 to each doubling from 0.01 ms on.
const (
	perDoubling = 32
	lowestMs    = 0.01
	buckets     = 24 * perDoubling
)

// histogram is how many durations fell into each bucket; nil while there are none, so that an idle stream costs little.
type histogram []uint32

func (h *histogram) add(ms float64) {
	if *h == nil {
		*h = make(histogram, buckets)
	}
	(*h)[bucketOf(ms)]++
}

func bucketOf(ms float64) int {
	if ms <= lowestMs {
		return 0
	}
	return min(buckets-1, 1+int(math.Log2(ms/lowestMs)*perDoubling))
}

// MarshalJSON writes the buckets that hold something, by their numbers.
func (h histogram) MarshalJSON() ([]byte, error) {
	sparse := map[int]uint32{}
	for bucket, n := range h {
		if n > 0 {
			sparse[bucket] = n
		}
	}
	return json.Marshal(sparse)
}

// delta is what came since it was last drained.
type delta struct {
	Messages       int       `json:"messages"`
	Latency        histogram `json:"latency"`
	QueueDelay     histogram `json:"queueDelay"`
	LongestDelayMs float64   `json:"longestDelayMs"`
}

// received takes a message's latency and how long it waited between the socket and its account.
func (d *delta) received(latency, delay float64) {
	d.Latency.add(latency)
	d.QueueDelay.add(delay)
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
