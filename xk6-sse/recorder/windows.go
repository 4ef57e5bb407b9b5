package recorder

import (
	"maps"
	"math"
	"slices"
	"strconv"
)

const (
	firstWindowWidthMs = 1000
	maxWindows         = 1800
)

// Series is a row of tallies over time. Its windows double in width whenever there are more than maxWindows of them,
// so that a run of any length keeps a bounded number.
type Series struct {
	WidthMs int64    `json:"widthMs"`
	Items   []Window `json:"items"`
}

// Window is the tally of the time from At (milliseconds since the epoch) to the next window's start.
type Window struct {
	At int64 `json:"at"`
	*Tally
}

type windows struct {
	widthMs int64
	byStart map[int64]*Tally
}

func newWindows() *windows {
	return &windows{widthMs: firstWindowWidthMs, byStart: map[int64]*Tally{}}
}

func (w *windows) add(at float64, delta *Tally) {
	w.addAt(int64(math.Floor(at)), &Tally{Counts: delta.Counts, Latency: coarse(delta.Latency)})
	for len(w.byStart) > maxWindows {
		w.widen()
	}
}

// coarse joins the buckets of a histogram by fours, each four to its third: a quantile of a window is then within 5 % of
// the exact one, and hours of windows take a quarter of the memory.
func coarse(latency map[string]float64) map[string]float64 {
	const joined = 4
	sums := make(map[string]float64, len(latency)/joined+1)
	for name, count := range latency {
		if bucket, err := strconv.Atoi(name); err == nil && bucket > 0 {
			name = strconv.Itoa((bucket-1)/joined*joined + joined - 1)
		}
		sums[name] += count
	}
	return sums
}

func (w *windows) addAt(at int64, delta *Tally) {
	start := at - at%w.widthMs
	tally := w.byStart[start]
	if tally == nil {
		tally = newTally()
		w.byStart[start] = tally
	}
	tally.add(delta)
}

func (w *windows) widen() {
	narrow := w.byStart
	w.widthMs *= 2
	w.byStart = make(map[int64]*Tally, maxWindows)
	for start, tally := range narrow {
		w.addAt(start, tally)
	}
}

func (w *windows) snapshot() Series {
	items := make([]Window, 0, len(w.byStart))
	for _, start := range slices.Sorted(maps.Keys(w.byStart)) {
		items = append(items, Window{At: start, Tally: w.byStart[start].clone()})
	}
	return Series{WidthMs: w.widthMs, Items: items}
}
