package recorder

import (
	"context"
	"sync"
)

// Gates let virtual users wait for each other: k6 itself knows only the time at which a scenario starts. A gate is shut
// until it is opened with a word, which everyone who passes is told. Behind it there may be turns, of which only so many are
// taken at once. Its methods may be called from any goroutine.
type Gates struct {
	mu     sync.Mutex
	byName map[string]*gate
}

type gate struct {
	opened chan struct{} // closed when the gate is opened
	word   string        // of whoever opened it
	turns  chan struct{} // holds an item for each turn that is taken; nil before the first
}

// NewGates returns gates of which all are shut.
func NewGates() *Gates {
	return &Gates{byName: map[string]*gate{}}
}

func (g *Gates) named(name string) *gate {
	return orMake(g.byName, name, func() *gate { return &gate{opened: make(chan struct{})} })
}

// Open opens a gate. Where it is open, nothing changes: the first word stands.
func (g *Gates) Open(name, word string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := g.named(name)
	select {
	case <-gate.opened:
	default:
		gate.word = word
		close(gate.opened)
	}
}

// Pass waits until a gate is open and returns its word; "" where ctx is done before.
func (g *Gates) Pass(ctx context.Context, name string) string {
	g.mu.Lock()
	gate := g.named(name)
	g.mu.Unlock()
	select {
	case <-gate.opened:
		return gate.word
	case <-ctx.Done():
		return ""
	}
}

// TakeTurn waits until fewer than atOnce turns are taken at a gate, and takes one, unless ctx is done before. The first
// call says how many there are.
func (g *Gates) TakeTurn(ctx context.Context, name string, atOnce int) (taken bool) {
	turns := g.turnsOf(name, atOnce)
	select {
	case turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// EndTurn gives a turn back that was taken.
func (g *Gates) EndTurn(name string) {
	select {
	case <-g.turnsOf(name, 1):
	default:
	}
}

func (g *Gates) turnsOf(name string, atOnce int) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := g.named(name)
	if gate.turns == nil {
		gate.turns = make(chan struct{}, max(1, atOnce))
	}
	return gate.turns
}
