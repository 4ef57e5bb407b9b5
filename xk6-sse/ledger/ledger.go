// Package ledger accounts for the messages of a plan: what each of its streams received, against what was there to
// receive. It does so on the goroutines that read the streams, before a message waits for anything. Times are
// milliseconds since the epoch, with fractions.
package ledger

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

const (
	// horizonMs is how long a message stays known after newer ones came: long enough for every reconnect and replay.
	horizonMs = 60_000
	// inFlightMs: a message stamped less than this before a client left may still have been on its way: neither due
	// nor lost.
	inFlightMs = 1_000
	// aheadMs: no clock is so far ahead of what is known of it, and one such stamp would make all others old.
	aheadMs = 60_000
	// negativeMs: a latency below this is no rounding, the clocks disagree.
	negativeMs = -2
)

var never = math.Inf(1)

// Ledger accounts for the messages of one plan over all of its streams. What was there to receive is the union over
// them. A message is known by its timestamp and text. Memory is bounded: messages older than the horizon are settled
// (counted as due, delivered or lost) and forgotten. Where one is received only then, or again, as a server that replays a
// long plan does, that changes nothing for the accounts for which it was settled. The ledger's methods and those of its
// accounts may be called from any goroutine.
type Ledger struct {
	clockOffsetMs float64
	seed          maphash.Seed

	mu       sync.Mutex
	accounts []*Account
	newest   float64
	known    messages
	pending  Delta
}

// New returns the ledger of a plan on a server whose clock is clockOffsetMs ahead of this machine's.
func New(clockOffsetMs float64) *Ledger {
	return &Ledger{clockOffsetMs: clockOffsetMs, seed: maphash.MakeSeed(), known: newMessages()}
}

// Join opens the account of a stream. gapFrom is when the same client's stream before ended, or 0 where there was none.
func (l *Ledger) Join(gapFrom float64) *Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	account := &Account{
		ledger: l, id: len(l.accounts), openedAt: never, dueUntil: never, gapFrom: never, firstStamp: never,
		settledBefore: l.horizon(),
	}
	if gapFrom > 0 {
		account.gapFrom = gapFrom
	}
	l.accounts = append(l.accounts, account)
	return account
}

// Settle settles every message that is still known, and what only the plan's log shows of the gaps.
func (l *Ledger) Settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		message, any := l.known.oldest()
		if !any {
			break
		}
		l.settle(message)
		l.known.forgetOldest()
	}
	for _, account := range l.accounts {
		unknown := max(0, account.gapByLog-account.counts.GapMessages)
		account.counts.GapMessages += unknown
		account.counts.GapLost += unknown
	}
}

// receive accounts for a message of account, read at the time at.
func (l *Ledger) receive(account *Account, text, rawStamp string, at float64) {
	l.pending.Messages++
	counts := &account.counts
	counts.Received++
	parsed, ok := parseStamp(rawStamp)
	stamp := parsed - l.clockOffsetMs
	if !ok || stamp > at+aheadMs {
		counts.Unstamped++
		return
	}
	account.firstStamp = min(account.firstStamp, stamp)
	if stamp < account.lastStamp {
		counts.Reordered++
	} else {
		account.lastStamp = stamp
	}
	isOld := stamp < l.horizon()
	if isOld && stamp > account.openedAt && stamp < account.lastStamp-horizonMs {
		counts.Duplicates++ // forgotten, but this stream had come past it
		return
	}
	if !l.known.see(key{stamp, maphash.String(l.seed, text)}, account.id, isOld) {
		counts.Duplicates++
		return
	}
	if stamp > l.newest {
		l.newest = stamp
		l.forgetOld()
	}
	if stamp <= account.openedAt {
		counts.BeforeOpen++
		return
	}
	latency := at - stamp
	if latency < negativeMs {
		counts.Negative++
	}
	account.latency.Add(latency)
	l.pending.received(latency, nowMs()-at)
}

// horizon is the stamp before which messages are settled.
func (l *Ledger) horizon() float64 {
	return l.newest - horizonMs
}

// forgetOld settles what is beyond the horizon. Messages stand in the order in which they became known, which is close
// to that of their stamps.
func (l *Ledger) forgetOld() {
	for {
		message, any := l.known.oldest()
		if !any || message.stamp >= l.horizon() {
			return
		}
		l.settle(message)
		l.known.forgetOldest()
	}
}

func (l *Ledger) settle(message *message) {
	for _, account := range l.accounts {
		if message.isOld && message.stamp >= account.settledBefore {
			continue
		}
		seen := message.seenBy(account.id)
		counts := &account.counts
		switch {
		case message.stamp > account.openedAt && message.stamp <= account.dueUntil:
			counts.Due++
			counts.Delivered += count(seen)
		case message.stamp > account.gapFrom && message.stamp <= account.openedAt:
			counts.GapMessages++
			counts.GapLost += count(!seen)
		}
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func msOf(t time.Time) float64 {
	return float64(t.UnixNano()) / float64(time.Millisecond)
}

func nowMs() float64 {
	return msOf(time.Now())
}
