package recorder

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"math/rand/v2"
	"slices"
)

// maxKept is the most entries a sample keeps; up to half of them for their weight.
const maxKept = 2000

type keptEntry struct {
	arrival int
	weight  float64
	content json.RawMessage
}

// sample keeps a bounded part of the entries it is shown: those of the greatest weight, and of the others a uniform
// random choice. Its random numbers are seeded, so the same entries in the same order give the same sample.
type sample struct {
	seen     int
	heaviest lightestFirst
	others   []keptEntry
	othersOf int // how many entries others is chosen from
	random   *rand.Rand
}

func newSample() *sample {
	return &sample{random: rand.New(rand.NewPCG(1, 2))}
}

func (s *sample) add(content json.RawMessage, weight float64) {
	entry := keptEntry{arrival: s.seen, weight: weight, content: content}
	s.seen++
	switch {
	case !(weight > 0): // NaN included
		s.addOther(entry)
	case len(s.heaviest) < maxKept/2:
		heap.Push(&s.heaviest, entry)
		s.trimOthers()
	case weight > s.heaviest[0].weight:
		lightest := s.heaviest[0]
		s.heaviest[0] = entry
		heap.Fix(&s.heaviest, 0)
		s.addOther(lightest)
	default:
		s.addOther(entry)
	}
}

// addOther is a step of reservoir sampling: every entry it was ever given is in others with the same probability.
func (s *sample) addOther(entry keptEntry) {
	s.othersOf++
	if len(s.heaviest)+len(s.others) < maxKept && len(s.others) == s.othersOf-1 {
		s.others = append(s.others, entry)
		return
	}
	if i := s.random.IntN(s.othersOf); i < len(s.others) {
		s.others[i] = entry
	}
}

// trimOthers makes room for a new heaviest entry. A uniform sample less a random entry is still uniform.
func (s *sample) trimOthers() {
	if len(s.heaviest)+len(s.others) <= maxKept {
		return
	}
	last := len(s.others) - 1
	s.others[s.random.IntN(len(s.others))] = s.others[last]
	s.others = s.others[:last]
}

// kept returns what the sample holds in the order of arrival; never nil.
func (s *sample) kept() []json.RawMessage {
	entries := slices.Concat(s.heaviest, s.others)
	slices.SortFunc(entries, func(a, b keptEntry) int { return cmp.Compare(a.arrival, b.arrival) })
	contents := make([]json.RawMessage, len(entries))
	for i, entry := range entries {
		contents[i] = entry.content
	}
	return contents
}

// lightestFirst is a heap; of equal weights the later entry counts as lighter.
type lightestFirst []keptEntry

func (h lightestFirst) Len() int      { return len(h) }
func (h lightestFirst) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h lightestFirst) Less(i, j int) bool {
	if h[i].weight == h[j].weight {
		return h[i].arrival > h[j].arrival
	}
	return h[i].weight < h[j].weight
}

// Push implements heap.Interface.
func (h *lightestFirst) Push(entry any) { *h = append(*h, entry.(keptEntry)) }

// Pop implements heap.Interface.
func (h *lightestFirst) Pop() any {
	last := len(*h) - 1
	entry := (*h)[last]
	*h = (*h)[:last]
	return entry
}
