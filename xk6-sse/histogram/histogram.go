// Package histogram holds distributions of durations in the buckets of record/histogram.ts: 32 to each doubling from
// 0.01 ms on.
package histogram

import (
	"encoding/json"
	"math"
	"strconv"
)

const (
	perDoubling = 32
	lowestMs    = 0.01
	// Buckets is the number of buckets; the last one is open upwards.
	Buckets = 24 * perDoubling
)

// Histogram is how many durations fell into each bucket; nil while there are none, so that an empty one costs little.
type Histogram []uint32

// Add adds a duration in milliseconds.
func (h *Histogram) Add(ms float64) {
	if *h == nil {
		*h = make(Histogram, Buckets)
	}
	(*h)[BucketOf(ms)]++
}

// BucketOf is the number of the bucket of a duration in milliseconds.
func BucketOf(ms float64) int {
	if ms <= lowestMs {
		return 0
	}
	return min(Buckets-1, 1+int(math.Log2(ms/lowestMs)*perDoubling))
}

// Sparse returns the counts of the buckets that hold something, by their numbers.
func (h Histogram) Sparse() map[string]float64 {
	sparse := map[string]float64{}
	for bucket, n := range h {
		if n > 0 {
			sparse[strconv.Itoa(bucket)] = float64(n)
		}
	}
	return sparse
}

// MarshalJSON writes the sparse form.
func (h Histogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(h.Sparse())
}
