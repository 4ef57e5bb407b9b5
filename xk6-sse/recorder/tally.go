package recorder

import (
	"encoding/json"
	"errors"
	"maps"
)

// Tally is a set of named counts and a histogram of latencies by bucket. Two tallies add up name by name.
type Tally struct {
	Counts  map[string]float64 `json:"counts"`
	Latency map[string]float64 `json:"latency"`
}

func newTally() *Tally {
	return &Tally{Counts: map[string]float64{}, Latency: map[string]float64{}}
}

func parseTally(text string) (*Tally, error) {
	tally := newTally()
	if json.Unmarshal([]byte(text), tally) != nil {
		return nil, errors.New(`the delta is not JSON of the form {"counts":{name:number},"latency":{bucket:number}}`)
	}
	return tally, nil
}

func (t *Tally) add(delta *Tally) {
	addAll(t.Counts, delta.Counts)
	addAll(t.Latency, delta.Latency)
}

func (t *Tally) clone() *Tally {
	return &Tally{Counts: maps.Clone(t.Counts), Latency: maps.Clone(t.Latency)}
}

func addAll(sums, deltas map[string]float64) {
	for name, delta := range deltas {
		sums[name] += delta
	}
}
