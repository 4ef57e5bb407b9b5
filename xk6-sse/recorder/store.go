// Package recorder keeps what a k6 run wants to report: k6's virtual users share no memory, this store is what they
// share. It is also the JavaScript module k6/x/recorder.
package recorder

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
)

// Store holds the records of one run. Its methods may be called from any goroutine.
type Store struct {
	mu         sync.Mutex
	lastHandle int64
	open       map[int64]json.RawMessage
	streams    *sample
	lists      map[string]*sample
	tallies    map[string]*Tally
	untaken    map[string]*Tally
	windows    map[string]*windows
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{
		open:    map[int64]json.RawMessage{},
		streams: newSample(),
		lists:   map[string]*sample{},
		tallies: map[string]*Tally{},
		untaken: map[string]*Tally{},
		windows: map[string]*windows{},
	}
}

// OpenStream registers a stream that opens and returns its handle.
func (s *Store) OpenStream(entry string) (int64, error) {
	content, err := parseEntry(entry)
	if err != nil {
		return 0, fmt.Errorf("cannot open a stream: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastHandle++
	s.open[s.lastHandle] = content
	return s.lastHandle, nil
}

// CloseStream replaces the entry of an open stream by its report. A handle that is not open is ignored.
func (s *Store) CloseStream(handle int64, report string, weight float64) error {
	content, err := parseEntry(report)
	if err != nil {
		return fmt.Errorf("cannot close the stream %d: %w", handle, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, isOpen := s.open[handle]; isOpen {
		delete(s.open, handle)
		s.streams.add(content, weight)
	}
	return nil
}

// Add adds an entry to the list kind.
func (s *Store) Add(kind, entry string, weight float64) error {
	content, err := parseEntry(entry)
	if err != nil {
		return fmt.Errorf("cannot add to the list %q: %w", kind, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	orMake(s.lists, kind, newSample).add(content, weight)
	return nil
}

// Tally adds the tally delta (JSON) to the tally key.
func (s *Store) Tally(key, delta string) error {
	tally, err := parseTally(delta)
	if err != nil {
		return fmt.Errorf("cannot add to the tally %q: %w", key, err)
	}
	s.add(key, tally)
	return nil
}

func (s *Store) add(key string, delta *Tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	orMake(s.tallies, key, newTally).add(delta)
	orMake(s.untaken, key, newTally).add(delta)
}

// Take returns what was added to the tally key since it was last taken. The tally keeps it.
func (s *Store) Take(key string) *Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := orMake(s.untaken, key, newTally)
	delete(s.untaken, key)
	return taken
}

// Count returns the count name of the tally key; 0 where there is none.
func (s *Store) Count(key, name string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tally, ok := s.tallies[key]; ok {
		return tally.Counts[name]
	}
	return 0
}

// Window adds the tally delta (JSON) to the window of the series key that at, in milliseconds since the epoch, is in.
func (s *Store) Window(key string, at float64, delta string) error {
	tally, err := parseTally(delta)
	if err == nil && (math.IsNaN(at) || math.IsInf(at, 0) || at < 0) {
		err = errors.New("its time is not a number of milliseconds since the epoch")
	}
	if err != nil {
		return fmt.Errorf("cannot add to a window of %q: %w", key, err)
	}
	s.addToWindow(key, at, tally)
	return nil
}

func (s *Store) addToWindow(key string, at float64, delta *Tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	orMake(s.windows, key, newWindows).add(at, delta)
}

// Snapshot is a copy of everything a store holds.
type Snapshot struct {
	Signalled bool              `json:"signalled"`
	Streams   Streams           `json:"streams"`
	Lists     map[string]List   `json:"lists"`
	Tallies   map[string]*Tally `json:"tallies"`
	Windows   map[string]Series `json:"windows"`
}

// Streams is the reports of the streams that ended (Seen of them) and the entries of those still open.
type Streams struct {
	List
	Open []json.RawMessage `json:"open"`
}

// List is the entries kept of all those seen.
type List struct {
	Seen int               `json:"seen"`
	Kept []json.RawMessage `json:"kept"`
}

// Snapshot returns a copy of everything stored.
func (s *Store) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Snapshot{
		Streams: Streams{List: s.streams.list(), Open: inOrder(s.open)},
		Lists:   mapValues(s.lists, (*sample).list),
		Tallies: mapValues(s.tallies, (*Tally).clone),
		Windows: mapValues(s.windows, (*windows).snapshot),
	}
}

func (s *sample) list() List {
	return List{Seen: s.seen, Kept: s.kept()}
}

func parseEntry(text string) (json.RawMessage, error) {
	content := json.RawMessage(text)
	if !json.Valid(content) {
		return nil, errors.New("the entry is not valid JSON")
	}
	return content, nil
}

func orMake[T any](values map[string]*T, key string, make func() *T) *T {
	value := values[key]
	if value == nil {
		value = make()
		values[key] = value
	}
	return value
}

func mapValues[V, R any](values map[string]V, convert func(V) R) map[string]R {
	results := make(map[string]R, len(values))
	for key, value := range values {
		results[key] = convert(value)
	}
	return results
}

func inOrder(entries map[int64]json.RawMessage) []json.RawMessage {
	ordered := make([]json.RawMessage, 0, len(entries))
	for _, handle := range slices.Sorted(maps.Keys(entries)) {
		ordered = append(ordered, entries[handle])
	}
	return ordered
}
