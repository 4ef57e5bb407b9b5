package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// settling is for how long nothing is sent once all streams of a meeting are open, so that no start is measured.
	settling = time.Second
	// turns are as many as there are clients at a meeting. A turn is a hundredth of ten seconds of messages, so that what
	// stops the machine once cannot make up the slowest hundredth of one client's messages alone, and three times as long
	// as the collection of garbage in k6, which so falls to the one that made it. Two turns are no divisor of a second:
	// what a client does every second is not done in the same turn each time.
	turns      = 2
	turnLength = 90 * time.Millisecond
)

// inTurn is how much of the time since the beginning was in a turn.
func inTurn(elapsed time.Duration, turn int) time.Duration {
	const cycle = turns * turnLength
	elapsed = max(elapsed, 0)
	begun := time.Duration(turn) * turnLength
	return elapsed/cycle*turnLength + min(max(elapsed%cycle-begun, 0), turnLength)
}

// outOfTurn is when at first so much time was in a turn: the reverse of inTurn.
func outOfTurn(spent time.Duration, turn int) time.Duration {
	before := max(spent-1, 0) / turnLength
	return (before*turns+time.Duration(turn))*turnLength + spent - before*turnLength
}

// meetings are where the streams of clients that are compared wait for each other: all of them stay open, and the clients
// are sent to by turns, so that what disturbs the machine disturbs both.
type meetings struct {
	mu     sync.Mutex
	byName map[string]*meeting
}

type meeting struct {
	complete chan struct{}

	mu      sync.Mutex
	missing int
	begins  time.Time
	clients [turns]client
}

// client is one of those that are compared.
type client struct {
	streams sync.WaitGroup
	late    time.Duration
}

// join has a stream come to its meeting.
func (m *meetings) join(l load) *meeting {
	m.mu.Lock()
	defer m.mu.Unlock()
	joined, exists := m.byName[l.meeting]
	if !exists {
		joined = &meeting{complete: make(chan struct{}), missing: l.streams}
		m.byName[l.meeting] = joined
	}
	joined.join(l.turn)
	return joined
}

func (m *meeting) join(turn int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[turn].streams.Add(1)
	m.missing--
	if m.missing == 0 {
		m.begins = time.Now().Add(settling)
		close(m.complete)
	}
}

// wait waits until all streams have come, and returns when the first turn begins; or until the client has left, which may
// be before that is known.
func (m *meeting) wait(left <-chan struct{}) (begins time.Time) {
	select {
	case <-m.complete:
	case <-left:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begins
}

// leave notes when the client left a stream, which it does when it has read all of it.
func (m *meeting) leave(l load) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &m.clients[l.turn]
	if !m.begins.IsZero() {
		c.late = max(c.late, time.Since(m.begins)-l.over())
	}
	c.streams.Done()
}

// serveLate tells how many seconds after its last message was due a client had left all of its streams.
func (m *meetings) serveLate(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	met, exists := m.byName[r.PathValue("name")]
	m.mu.Unlock()
	turn, err := strconv.Atoi(r.PathValue("turn"))
	if !exists || err != nil || turn < 0 || turn >= turns {
		http.NotFound(w, r)
		return
	}
	met.clients[turn].streams.Wait()
	met.mu.Lock()
	defer met.mu.Unlock()
	_ = json.NewEncoder(w).Encode(met.clients[turn].late.Seconds())
}
