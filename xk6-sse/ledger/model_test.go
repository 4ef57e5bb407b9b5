package ledger

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// receipt is one message read by one stream.
type receipt struct {
	stream, number int
	at             float64
}

// watch is a stream as the model knows it. Times are milliseconds after start; a message n is stamped at n × 100.
type watch struct {
	openedAt, gapFrom, leftAt float64
	byClient                  bool
	byLog                     int
	receipts                  []receipt
}

// story is what happened to a plan's streams, within the horizon of a ledger.
type story struct {
	streams []watch
	log     []receipt // of all streams, in the order in which they were read
}

const longestStory = 500 // messages: 50 s, so that none is settled before the end

// tell makes up a story: messages lost, duplicated, out of order, before the opening, in a gap, after the client left.
func tell(random *rand.Rand) story {
	messages := 1 + random.IntN(longestStory)
	end := float64(messages) * 100
	s := story{streams: make([]watch, 1+random.IntN(6))}
	for i := range s.streams {
		w := &s.streams[i]
		w.openedAt = end * random.Float64()
		if random.IntN(3) == 0 {
			w.gapFrom = 1 + w.openedAt*random.Float64()
			w.byLog = random.IntN(messages)
		}
		w.leftAt = w.openedAt + (end+2_000)*random.Float64()
		w.byClient = random.IntN(2) == 0
		w.receipts = receiptsOf(random, i, messages, *w)
	}
	s.log = interleave(random, s.streams)
	return s
}

func receiptsOf(random *rand.Rand, stream, messages int, w watch) (receipts []receipt) {
	loss, duplication := random.Float64(), random.Float64()/2
	for n := 1; n <= messages; n++ {
		for random.Float64() >= loss {
			receipts = append(receipts, receipt{stream: stream, number: n})
			if random.Float64() >= duplication {
				break
			}
		}
	}
	for range random.IntN(1 + len(receipts)) { // out of order, a little or altogether
		i, j := random.IntN(len(receipts)), random.IntN(len(receipts))
		receipts[i], receipts[j] = receipts[j], receipts[i]
	}
	for i := range receipts {
		receipts[i].at = w.openedAt + 1 + float64(i)
	}
	return receipts
}

// interleave is what a machine may do: the order within a stream stands, all else is chance.
func interleave(random *rand.Rand, streams []watch) (log []receipt) {
	for _, w := range streams {
		log = append(log, w.receipts...)
	}
	random.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
	next := make([]int, len(streams))
	for i := range log {
		stream := log[i].stream
		log[i] = streams[stream].receipts[next[stream]]
		next[stream]++
	}
	return log
}

// play has a ledger account for a story.
func play(s story) []Counts {
	ledger := New(0)
	accounts := make([]*Account, len(s.streams))
	for i, w := range s.streams {
		accounts[i] = returning(ledger, w.openedAt, w.gapFrom)
		accounts[i].MissedByLog(w.byLog)
	}
	for _, r := range s.log {
		accounts[r.stream].Take(line(r.number), at(r.at))
	}
	for i, w := range s.streams {
		accounts[i].Leave(at(w.leftAt), w.byClient)
		accounts[i].Take(line(longestStory+1), at(w.leftAt+1))
	}
	ledger.Settle()
	counts := make([]Counts, len(accounts))
	for i, account := range accounts {
		counts[i] = account.counts
	}
	return counts
}

// slowly counts by the definitions of Counts, looking at everything again for each.
func slowly(s story, stream int) (c Counts) {
	w := s.streams[stream]
	until := w.leftAt
	if w.byClient {
		until -= inFlightMs
	}
	numbers := func(receipts []receipt) (all []int) {
		for _, r := range receipts {
			all = append(all, r.number)
		}
		return all
	}
	mine := numbers(w.receipts)
	union := numbers(s.log)
	slices.Sort(union)
	c.Received = len(mine)
	for i, n := range mine {
		before, stamp := mine[:i], float64(n)*100
		isFirst := !slices.Contains(before, n)
		c.Duplicates += count(!isFirst)
		c.Reordered += count(i > 0 && n < slices.Max(before))
		c.BeforeOpen += count(isFirst && stamp <= w.openedAt)
		c.Negative += count(isFirst && stamp > w.openedAt && w.receipts[i].at-stamp < negativeMs)
	}
	for _, n := range slices.Compact(union) {
		stamp, has := float64(n)*100, slices.Contains(mine, n)
		isDue := stamp > w.openedAt && stamp <= until
		isInGap := !isDue && w.gapFrom > 0 && stamp > w.gapFrom && stamp <= w.openedAt
		c.Due += count(isDue)
		c.Delivered += count(isDue && has)
		c.GapMessages += count(isInGap)
		c.GapLost += count(isInGap && !has)
	}
	unknown := max(0, w.byLog-c.GapMessages)
	c.GapMessages += unknown
	c.GapLost += unknown
	return c
}

func TestTheLedgerCountsAsASlowModelDoes(t *testing.T) {
	agrees := func(seed uint64) bool {
		random := rand.New(rand.NewPCG(seed, 1))
		s := tell(random)
		counted := play(s)
		for i := range s.streams {
			if !assertEqual(t, slowly(s, i), counted[i], fmt.Sprintf("seed %d, stream %d", seed, i)) {
				return false
			}
		}
		s.log = interleave(random, s.streams)
		return assertEqual(t, counted, play(s), fmt.Sprintf("seed %d, interleaved anew", seed))
	}
	require.NoError(t, quick.Check(agrees, &quick.Config{MaxCount: 200}))
}

func assertEqual(t *testing.T, want, got any, message string) bool {
	t.Helper()
	return assert.ObjectsAreEqual(want, got) || !t.Run(message, func(t *testing.T) { require.Equal(t, want, got) })
}

// FuzzTake: whatever is said, the account takes what JSON calls a message of the plan, and nothing else.
func FuzzTake(f *testing.F) {
	for _, text := range []string{
		line(1), `{"type":"error","message":"x"}`, `{"type":"log"`, `[]`, `{"type":["log"]}`, "", "\x00", `{"type":"log"}x`,
		`{"TYPE":"log"}`, `{"type":"log","type":5}`, `{"type":"log","timestamp":"0000-00-00T00:00:00.000000"}`,
		`{"type":"log","timestamp":"9999-99-99T99:99:99.999999"}`, `{"type":"log","timestamp":"2026-11-22T08:00:00+99:99"}`,
		strings.Repeat("[", 2_000),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var members map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber() // without, large numbers are no JSON to it
		wanted := json.Valid([]byte(text)) && !IsTooDeep(text) && decoder.Decode(&members) == nil && (members["type"] == "log" || members["type"] == "error")
		ledger := New(0)
		account := join(ledger, 0)
		account.Take(line(1), at(5))
		require.Equal(t, wanted, account.Take(text, at(10)))
		ledger.Settle()
		require.Equal(t, 1+count(wanted), account.counts.Received)
		require.True(t, json.Valid([]byte(account.Figures())))
	})
}
