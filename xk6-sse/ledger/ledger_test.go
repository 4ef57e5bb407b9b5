package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plan-load/xk6-sse/client"
	"github.com/plan-load/xk6-sse/histogram"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func at(ms float64) float64 { return msOf(start) + ms }

// line is message number n of a plan, stamped at n × 100 ms.
func line(n int) string {
	stamp := start.Add(time.Duration(n) * 100 * time.Millisecond).Format("2006-01-02T15:04:05.000000")
	return fmt.Sprintf(`{"type":"log","message":"line %d","timestamp":%q}`, n, stamp)
}

func join(ledger *Ledger, openedAt float64) *Account { return returning(ledger, openedAt, 0) }

func returning(ledger *Ledger, openedAt, gapFrom float64) *Account {
	if gapFrom > 0 {
		gapFrom = at(gapFrom)
	}
	account := ledger.Join(gapFrom)
	account.opened(at(openedAt))
	return account
}

// give hands messages to an account, each 5 ms after it was stamped.
func give(account *Account, numbers ...int) {
	for _, n := range numbers {
		account.Take(line(n), at(float64(n)*100+5))
	}
}

func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

func TestDueIsWhatAnyStreamReceivedWhileThisOneWasOpen(t *testing.T) {
	ledger := New(0)
	all, some := join(ledger, 0), join(ledger, 250)
	give(all, 1, 2, 3, 4, 5)
	give(some, 3, 5)
	all.Leave(at(600), false)
	some.Leave(at(600), false)
	ledger.Settle()
	require.Equal(t, Counts{Received: 5, Due: 5, Delivered: 5}, all.counts)
	require.Equal(t, Counts{Received: 2, Due: 3, Delivered: 2}, some.counts)
}

func TestMessagesFromBeforeTheOpeningAreNeitherDueNorTimed(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 250)
	give(account, 1, 3)
	ledger.Settle()
	require.Equal(t, Counts{Received: 2, BeforeOpen: 1, Due: 1, Delivered: 1}, account.counts)
	require.EqualValues(t, 1, account.latency[histogram.BucketOf(5)])
}

func TestAClientThatLeavesIsNotOwedWhatWasOnItsWay(t *testing.T) {
	ledger := New(0)
	stays, leaves := join(ledger, 0), join(ledger, 0)
	give(stays, upTo(30)...)
	give(leaves, upTo(15)...)
	leaves.Leave(at(2_000), true)
	give(leaves, 16)
	ledger.Settle()
	require.Equal(t, Counts{Received: 15, Due: 10, Delivered: 10}, leaves.counts)
}

func TestAGapsMessagesAreFoundByTheWitnessAndLostUnlessReplayed(t *testing.T) {
	tests := []struct {
		replayed []int
		lost     int
	}{{nil, 5}, {[]int{4, 5, 6, 7, 8}, 0}, {[]int{7, 8}, 3}}
	for _, test := range tests {
		ledger := New(0)
		witness := join(ledger, 0)
		give(witness, upTo(12)...)
		returned := returning(ledger, 850, 350)
		give(returned, test.replayed...)
		give(returned, 9, 10, 11, 12)
		ledger.Settle()
		require.Equal(t, []int{5, test.lost}, []int{returned.counts.GapMessages, returned.counts.GapLost})
		require.Equal(t, []int{4, 4}, []int{returned.counts.Due, returned.counts.Delivered})
	}
}

func TestAGapThatNobodyWitnessedIsKnownFromThePlansLog(t *testing.T) {
	ledger := New(0)
	returned := returning(ledger, 850, 350)
	returned.MissedByLog(4)
	ledger.Settle()
	require.Equal(t, Counts{GapMessages: 4, GapLost: 4}, returned.counts)
}

func TestDuplicatesAndDisorderAreCounted(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	give(account, 1, 2, 2, 4, 3)
	ledger.Settle()
	require.Equal(t, Counts{Received: 5, Due: 4, Delivered: 4, Duplicates: 1, Reordered: 1}, account.counts)
}

func TestAMessageIsItsTextAndItsTime(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	for _, text := range []string{
		`{"type":"log","message":"same","timestamp":"2026-11-22T08:00:00.100000"}`,
		`{"type":"log","message":"same","timestamp":"2026-11-22T08:00:00.200000"}`,
		`{"type":"log","message":"other","timestamp":"2026-11-22T08:00:00.200000"}`,
	} {
		account.Take(text, at(300))
	}
	require.Zero(t, account.counts.Duplicates)
}

func TestClocksThatDisagreeAreCountedAndTheMessageIsKept(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	account.Take(line(1), at(90))
	account.Take(`{"type":"log","message":"y","timestamp":"no stamp"}`, at(90))
	ledger.Settle()
	require.Equal(t, Counts{Received: 2, Due: 1, Delivered: 1, Unstamped: 1, Negative: 1}, account.counts)
}

func TestAStampFarAheadIsNoneAndMakesTheOthersNotOld(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	for n := 1; n <= 10; n++ {
		give(account, n)
		account.Take(line(36_000+n), at(float64(n)*100+6))
	}
	ledger.Settle()
	require.Equal(t, Counts{Received: 20, Due: 10, Delivered: 10, Unstamped: 10}, account.counts)
}

func TestJSONIsParsedOnlyAsDeepAsAStackHasRoom(t *testing.T) {
	deep := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	require.False(t, New(0).Join(0).Take(`{"type":"log","message":`+deep(5_000_000)+`}`, at(0)))
}

func TestTheServersClockIsTakenOffItsStamps(t *testing.T) {
	ledger := New(5_000)
	account := join(ledger, 0)
	account.Take(line(51), at(130))
	require.EqualValues(t, 1, account.latency[histogram.BucketOf(30)])
}

func TestOldMessagesAreForgottenAndNoCountChangesByIt(t *testing.T) {
	ledger := New(0)
	all, half := join(ledger, 0), join(ledger, 0)
	for n := 1; n <= 6_000; n++ {
		give(all, n)
		if n%2 == 0 {
			give(half, n)
		}
	}
	require.Len(t, ledger.known.number, 601)
	require.Less(t, len(ledger.known.queue), 1_300)
	ledger.Settle()
	require.Equal(t, Counts{Received: 6_000, Due: 6_000, Delivered: 6_000}, all.counts)
	require.Equal(t, Counts{Received: 3_000, Due: 6_000, Delivered: 3_000}, half.counts)
}

func TestAReplayOfWhatIsForgottenChangesNothingForTheOthers(t *testing.T) {
	ledger := New(0)
	all := join(ledger, 0)
	give(all, upTo(6_000)...)
	late, returned := join(ledger, 600_000), returning(ledger, 600_000, 300_000)
	give(late, upTo(6_000)...)
	give(returned, upTo(6_000)...)
	for _, account := range []*Account{all, late, returned} {
		give(account, 6_001)
	}
	returned.MissedByLog(3_000)
	ledger.Settle()
	require.Equal(t, Counts{Received: 6_001, Due: 6_001, Delivered: 6_001}, all.counts)
	require.Equal(t, Counts{Received: 6_001, BeforeOpen: 6_000, Due: 1, Delivered: 1}, late.counts)
	require.Equal(t, Counts{Received: 6_001, BeforeOpen: 6_000, Due: 1, Delivered: 1, GapMessages: 3_000}, returned.counts)
}

func TestWhatAStreamReceivesAgainIsADuplicateEvenIfItIsForgotten(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	give(account, upTo(6_000)...)
	give(account, upTo(6_000)...)
	ledger.Settle()
	require.Equal(t, Counts{Received: 12_000, Due: 6_000, Delivered: 6_000, Duplicates: 6_000, Reordered: 5_999}, account.counts)
}

func TestAStreamThatIsFarBehindLosesWhatIsForgottenOnce(t *testing.T) {
	ledger := New(0)
	ahead, behind := join(ledger, 0), join(ledger, 0)
	give(ahead, upTo(1_000)...)
	give(behind, upTo(1_000)...)
	ledger.Settle()
	require.Equal(t, Counts{Received: 1_000, Due: 1_000, Delivered: 1_000}, ahead.counts)
	require.Equal(t, Counts{Received: 1_000, Due: 1_000, Delivered: 601}, behind.counts)
}

func TestManyStreamsOfOnePlanAreToldApart(t *testing.T) {
	ledger := New(0)
	accounts := make([]*Account, 200)
	for i := range accounts {
		accounts[i] = join(ledger, 0)
	}
	for i, account := range accounts {
		if i%3 != 0 {
			give(account, 1, 1)
		}
	}
	ledger.Settle()
	for i, account := range accounts {
		received := count(i%3 != 0)
		require.Equal(t, Counts{Received: 2 * received, Due: 1, Delivered: received, Duplicates: received}, account.counts)
	}
}

func TestTakeLeavesTheFirstMessageAndWhatIsNoMessage(t *testing.T) {
	account := New(0).Join(0)
	taken := func(text string) bool { return account.Take(text, at(1)) }
	for _, text := range []string{
		`{"type":"connection","status":"connected"}`, `{"type":"status","status":"running"}`, `{"type":"stream_end"}`,
		`{"type":"log"`, `[]`, `"log"`, ``, `{"type":7}`,
	} {
		require.False(t, taken(text), text)
	}
	require.Equal(t, at(1), account.openedAt, "whatever is said opens the stream")
	require.False(t, taken(line(1)), "the first message tells that the stream is usable")
	require.True(t, taken(line(2)))
	require.True(t, taken(`{ "extra": {"type": "status"}, "timestamp": "2026-11-22T08:00:00", "message": "\u00e9\n", "type": "error" }`))
	require.Equal(t, 3, account.counts.Received)
}

func TestOpenedCountsOnce(t *testing.T) {
	account := New(0).Join(0)
	account.Opened(start)
	account.Opened(start.Add(time.Hour))
	require.Equal(t, at(0), account.openedAt)
}

func TestDrainGivesWhatCameSince(t *testing.T) {
	ledger := New(0)
	account := join(ledger, 0)
	account.Take(line(1), at(105))
	drained := ledger.Drain()
	require.Equal(t, 1, drained.Messages)
	require.EqualValues(t, 1, drained.Latency[histogram.BucketOf(5)])
	require.Len(t, drained.QueueDelay.Sparse(), 1)
	require.Equal(t, Delta{}, ledger.Drain())
}

func TestFigures(t *testing.T) {
	account := New(0).Join(0)
	require.Contains(t, account.Figures(), `"firstStamp":null,"lastStamp":null`)
	account.opened(at(0))
	give(account, 1, 3)
	var figures struct {
		Counts                map[string]int
		Latency               map[string]int
		FirstStamp, LastStamp float64
	}
	require.NoError(t, json.Unmarshal([]byte(account.Figures()), &figures))
	require.Equal(t, 2, figures.Counts["received"])
	require.Equal(t, map[string]int{fmt.Sprint(histogram.BucketOf(5)): 2}, figures.Latency)
	require.Equal(t, []float64{at(100), at(300)}, []float64{figures.FirstStamp, figures.LastStamp})
}

func TestStamps(t *testing.T) {
	second := msOf(time.Date(2026, 11, 22, 8, 49, 17, 0, time.UTC))
	for text, ms := range map[string]float64{
		"2026-11-22T08:49:17":              second,
		"2026-11-22T08:49:17Z":             second,
		"2026-11-22T08:49:17.345942":       second + 345.942,
		"2026-11-22T08:49:18.5Z":           second + 1_500,
		"2026-11-22T08:49:17.123456789":    second + 123.456789,
		"2026-11-22T08:49:17+00:00":        second,
		"2026-11-22T09:49:17.500000+01:00": second + 500,
		"2026-11-22T03:19:17-05:30":        second,
	} {
		parsed, ok := parseStamp(text)
		require.True(t, ok, text)
		require.InDelta(t, ms, parsed, 0.001, text)
	}
	for _, text := range []string{"", "yesterday", "2026-13-45T99:99:99", "2026-11-22T08:49:17.x", "2026-11-22T08:49:17.+12345"} {
		_, ok := parseStamp(text)
		require.False(t, ok, text)
	}
}

func BenchmarkTake(b *testing.B) {
	account := join(New(0), 0)
	lines := make([]string, 100_000)
	for i := range lines {
		lines[i] = line(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		account.Take(lines[i%len(lines)], at(float64(i)))
	}
}

func TestTakeEventReadsEventsUnderAnyNameAndCountsOtherNames(t *testing.T) {
	account := New(0).Join(0)
	account.ExpectNames()
	give(account, 1)
	named := func(name, data string) *client.Event {
		event := client.Event{Received: start.Add(time.Second)}
		event.Type, event.Data = name, data
		return &event
	}
	for n, name := range []string{"task_update", "message", "log"} {
		require.True(t, account.TakeEvent(named(name, line(n+2))), name)
	}
	status := named("progress", `{"type":"status","status":"completed"}`)
	require.False(t, account.TakeEvent(status))
	require.Equal(t, "message", status.Type)
	for _, name := range []string{"end", "error"} {
		event := named(name, line(9))
		require.False(t, account.TakeEvent(event), name)
		require.Equal(t, name, event.Type)
	}
	require.Equal(t, 3, account.counts.Renamed)
	require.Contains(t, account.Figures(), `"otherName":"message"`)
}

func TestTakeEventKnowsTheFramesOfAWebSocket(t *testing.T) {
	for name, taken := range map[string]bool{"message": true, "binary": false} {
		account := New(0).Join(0)
		give(account, 1)
		event := client.Event{Received: start.Add(time.Second)}
		event.Type, event.Data = name, line(2)
		require.Equal(t, taken, account.TakeEvent(&event), name)
		require.Equal(t, name, event.Type)
		require.Zero(t, account.counts.Renamed)
	}
}
