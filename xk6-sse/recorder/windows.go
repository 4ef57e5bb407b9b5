package recorder

import (
	"maps"
	"math"
	"slices"
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
	w.addAt(int64(math.Floor(at)), delta)
	for len(w.byStart) > maxWindows {
		w.widen()
	}
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
