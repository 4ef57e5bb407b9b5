package ledger

import (
	"encoding/json"
	"time"

	"github.com/plan-load/xk6-sse/client"
	"github.com/plan-load/xk6-sse/histogram"
)

// Counts is what an account has counted. The sums of two streams' counts are the counts of both.
type Counts struct {
	Received    int `json:"received"`    // messages received, of any kind below
	Due         int `json:"due"`         // messages of the plan stamped while the stream was open
	Delivered   int `json:"delivered"`   // of those due, received
	BeforeOpen  int `json:"beforeOpen"`  // received, stamped before the stream was open: replays, and what had waited
	Duplicates  int `json:"duplicates"`  // received a second time on the same stream
	Reordered   int `json:"reordered"`   // received after one with a later stamp
	Unstamped   int `json:"unstamped"`   // without a believable timestamp (none, unreadable, more than a minute ahead): received, and not judged
	Negative    int `json:"negative"`    // received more than 2 ms before their stamp: the clocks disagree
	GapMessages int `json:"gapMessages"` // stamped while the client was away
	GapLost     int `json:"gapLost"`     // of those, never received
	Renamed     int `json:"renamed"`     // SSE events under another name than those of the API
}

// Account is what one stream of a plan has received, and what it should have. It is a client.Sink: the reader of the
// stream hands it everything that comes, and the account takes the plan's messages.
type Account struct {
	ledger   *Ledger
	id       int
	openedAt float64 // from when on messages are due
	dueUntil float64
	left     bool
	gapFrom  float64 // the end of the client's stream before this one, where it returned
	// settledBefore: older messages were settled, and forgotten, before the account was opened.
	settledBefore float64
	gapByLog      int
	hasNames      bool   // the stream's events have the names of the API
	otherName     string // of the first event under another name
	firstStamp    float64
	lastStamp     float64
	lastAt        float64
	counts        Counts
	latency       histogram.Histogram
}

var _ client.Sink = (*Account)(nil)

// Opened notes that the stream is open. Only the first call counts.
func (a *Account) Opened(at time.Time) {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	a.opened(msOf(at))
}

func (a *Account) opened(at float64) {
	if a.openedAt == never {
		a.openedAt = at
	}
}

// The names of events: those of an SSE stream of the API, and what an event without a name and a frame of a WebSocket are.
const (
	eventUpdate  = "task_update"
	eventEnd     = "end"
	eventError   = "error"
	eventMessage = "message"
)

// ExpectNames says that the stream's events have the names of the API. What comes under another is counted, and read all the
// same: what is not taken of it is handed on as a "message".
func (a *Account) ExpectNames() {
	a.hasNames = true
}

// TakeEvent implements client.Sink: see Take.
func (a *Account) TakeEvent(event *client.Event) bool {
	switch event.Type {
	case eventEnd, eventError:
		return false
	case eventUpdate:
	case eventMessage:
		a.noteName(event.Type)
	default:
		if !a.hasNames {
			return false
		}
		a.noteName(event.Type)
		event.Type = eventMessage
	}
	return a.Take(event.Data, msOf(event.Received))
}

func (a *Account) noteName(name string) {
	if !a.hasNames {
		return
	}
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	a.counts.Renamed++
	if a.otherName == "" {
		a.otherName = name
	}
}

// Take takes what the stream said at the time at, if it is a message of the plan: then it is accounted for, and
// nothing is left to be told of it, but of the first one, which Take leaves to whoever waits for the stream to be
// usable. Anything said opens a stream that was not open. After Leave nothing is accounted for.
func (a *Account) Take(text string, at float64) bool {
	frame, isMessage := parseFrame(text)
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	a.opened(at)
	if !isMessage {
		return false
	}
	if a.left {
		return true
	}
	isFirst := a.lastAt == 0
	a.lastAt = at
	a.ledger.receive(a, frame.message, frame.timestamp, at)
	return !isFirst
}

// Leave ends the account at the time at. byClient: the client left of its own will, so what was on its way then is not
// due.
func (a *Account) Leave(at float64, byClient bool) {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	a.left = true
	a.dueUntil = at
	if byClient {
		a.dueUntil = at - inFlightMs
	}
}

// MissedByLog tells how many messages the plan's own log gained within the gap: a lower bound of what the union shows.
func (a *Account) MissedByLog(messages int) {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	a.gapByLog = messages
}

// LastAt is when the last message was received; 0 before the first.
func (a *Account) LastAt() float64 {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	return a.lastAt
}

// Figures is what the account holds now, as JSON: {counts, latency, firstStamp, lastStamp, otherName}. The stamps are
// null before the first one, and so is the name of the first event that had another than those of the API.
func (a *Account) Figures() string {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	return mustMarshal(struct {
		Counts     Counts              `json:"counts"`
		Latency    histogram.Histogram `json:"latency"`
		FirstStamp *float64            `json:"firstStamp"`
		LastStamp  *float64            `json:"lastStamp"`
		OtherName  *string             `json:"otherName"`
	}{a.counts, a.latency, stampOrNil(a.firstStamp), stampOrNil(a.lastStamp), nameOrNil(a.otherName)})
}

func stampOrNil(stamp float64) *float64 {
	if stamp == 0 || stamp == never {
		return nil
	}
	return &stamp
}

func nameOrNil(name string) *string {
	if name == "" {
		return nil
	}
	return &name
}

// mustMarshal is for values of this package, which JSON can hold.
func mustMarshal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}
