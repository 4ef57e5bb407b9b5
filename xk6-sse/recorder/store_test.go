package recorder

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func TestEmptySnapshot(t *testing.T) {
	require.Equal(t,
		`{"signalled":false,"streams":{"seen":0,"kept":[],"open":[]},"lists":{},"tallies":{},"windows":{}}`,
		asJSON(t, NewStore().Snapshot()))
}

func TestSnapshot(t *testing.T) {
	s := NewStore()
	first, err := s.OpenStream(`{"id": 1}`)
	require.NoError(t, err)
	second, err := s.OpenStream(`{"id":2}`)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.NoError(t, s.CloseStream(first, `{"done":1}`, 0))
	require.NoError(t, s.CloseStream(first, `{"done":"again"}`, 9))
	require.NoError(t, s.CloseStream(99, `{"done":"unknown"}`, 9))
	require.NoError(t, s.Add("b", `"x"`, 0))
	require.NoError(t, s.Add("a", `[1]`, 0))
	require.NoError(t, s.Tally("t", `{"counts":{"b":1,"a":2},"latency":{"10":1}}`))
	require.NoError(t, s.Tally("t", `{"counts":{"b":0.5},"latency":{"10":1,"20":4}}`))
	require.NoError(t, s.Tally("empty", `{}`))
	require.NoError(t, s.Window("w", 1999.9, `{"counts":{"n":1}}`))
	require.NoError(t, s.Window("w", 1000, `{"counts":{"n":1}}`))
	require.NoError(t, s.Window("w", 500, `{"latency":{"5":1}}`))

	require.Equal(t, `{"signalled":false,`+
		`"streams":{"seen":1,"kept":[{"done":1}],"open":[{"id":2}]},`+
		`"lists":{"a":{"seen":1,"kept":[[1]]},"b":{"seen":1,"kept":["x"]}},`+
		`"tallies":{"empty":{"counts":{},"latency":{}},`+
		`"t":{"counts":{"a":2,"b":1.5},"latency":{"10":2,"20":4}}},`+
		`"windows":{"w":{"widthMs":1000,"items":[`+
		`{"at":0,"counts":{},"latency":{"7":1}},`+
		`{"at":1000,"counts":{"n":2},"latency":{}}]}}}`,
		asJSON(t, s.Snapshot()))
}

func TestTakeGivesWhatCameSinceAndTheTallyKeepsIt(t *testing.T) {
	s := NewStore()
	require.NoError(t, s.Tally("t", `{"counts":{"n":1},"latency":{"10":1}}`))
	require.Equal(t, `{"counts":{"n":1},"latency":{"10":1}}`, asJSON(t, s.Take("t")))
	require.NoError(t, s.Tally("t", `{"counts":{"n":2}}`))
	require.Equal(t, `{"counts":{"n":2},"latency":{}}`, asJSON(t, s.Take("t")))
	require.Equal(t, `{"counts":{},"latency":{}}`, asJSON(t, s.Take("t")))
	require.EqualValues(t, 3, s.Count("t", "n"))
}

func TestSnapshotIsACopy(t *testing.T) {
	s := NewStore()
	require.NoError(t, s.Tally("t", `{"counts":{"n":1}}`))
	require.NoError(t, s.Window("w", 0, `{"counts":{"n":1}}`))
	snapshot := s.Snapshot()
	before := asJSON(t, snapshot)
	require.NoError(t, s.Tally("t", `{"counts":{"n":1}}`))
	require.NoError(t, s.Window("w", 0, `{"counts":{"n":1}}`))
	require.Equal(t, before, asJSON(t, snapshot))
}

func TestInvalidInput(t *testing.T) {
	const delta = `the delta is not JSON of the form {"counts":{name:number},"latency":{bucket:number}}`
	s := NewStore()
	openStream := func(entry string) error {
		_, err := s.OpenStream(entry)
		return err
	}
	tests := map[string]struct {
		err     error
		message string
	}{
		"open":            {openStream("{"), "cannot open a stream: the entry is not valid JSON"},
		"close":           {s.CloseStream(1, "", 0), "cannot close the stream 1: the entry is not valid JSON"},
		"add":             {s.Add("k", "undefined", 0), `cannot add to the list "k": the entry is not valid JSON`},
		"tally":           {s.Tally("k", "{"), `cannot add to the tally "k": ` + delta},
		"tally of text":   {s.Tally("k", `{"counts":{"a":"1"}}`), `cannot add to the tally "k": ` + delta},
		"window":          {s.Window("k", 0, `[]`), `cannot add to a window of "k": ` + delta},
		"window long ago": {s.Window("k", -1, `{}`), `cannot add to a window of "k": its time is not a number of milliseconds since the epoch`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.EqualError(t, test.err, test.message) })
	}
	require.Equal(t, asJSON(t, NewStore().Snapshot()), asJSON(t, s.Snapshot()))
}

func TestConcurrentUse(t *testing.T) {
	s := NewStore()
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for n := range 200 {
				handle, _ := s.OpenStream("{}")
				_ = s.CloseStream(handle, "{}", float64(n))
				_ = s.Add("k", "{}", 0)
				_ = s.Tally("t", `{"counts":{"n":1}}`)
				_ = s.Window("w", float64(n*1000), `{"counts":{"n":1}}`)
				if n%50 == 0 {
					s.Snapshot()
				}
			}
		})
	}
	users.Wait()
	snapshot := s.Snapshot()
	require.Equal(t, 1600, snapshot.Streams.Seen)
	require.Equal(t, 1600, snapshot.Lists["k"].Seen)
	require.Equal(t, 1600.0, snapshot.Tallies["t"].Counts["n"])
	require.Len(t, snapshot.Windows["w"].Items, 200)
}

// sampled returns the numbers that a sample keeps of count entries, each its own number.
func sampled(t *testing.T, count int, weight func(n int) float64) []int {
	t.Helper()
	s := newSample()
	for n := range count {
		s.add(json.RawMessage(strconv.Itoa(n)), weight(n))
	}
	require.Equal(t, count, s.seen)
	numbers := make([]int, 0, maxKept)
	for _, content := range s.kept() {
		number, err := strconv.Atoi(string(content))
		require.NoError(t, err)
		numbers = append(numbers, number)
	}
	require.True(t, slices.IsSorted(numbers), "not in the order of arrival")
	require.Len(t, slices.Compact(slices.Clone(numbers)), len(numbers), "an entry is kept twice")
	return numbers
}

func TestSampleKeepsAllThatFit(t *testing.T) {
	for name, weight := range map[string]func(int) float64{
		"no weights": func(int) float64 { return 0 },
		"weights":    func(n int) float64 { return float64(n) },
		"falling":    func(n int) float64 { return float64(maxKept - n) },
		"some":       func(n int) float64 { return float64(n % 2) },
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, sampled(t, maxKept, weight), maxKept)
		})
	}
}

func TestSampleKeepsTheHeaviest(t *testing.T) {
	const count = 10 * maxKept
	tests := map[string]struct {
		weight func(n int) float64
		heavy  func(n int) bool
	}{
		"rising":  {func(n int) float64 { return float64(n + 1) }, func(n int) bool { return n >= count-maxKept/2 }},
		"falling": {func(n int) float64 { return float64(count - n) }, func(n int) bool { return n < maxKept/2 }},
		"a few late ones": {
			func(n int) float64 { return float64(max(0, n-count+11)) }, func(n int) bool { return n > count-11 }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kept := sampled(t, count, test.weight)
			require.Len(t, kept, maxKept)
			for n := range count {
				if test.heavy(n) {
					require.Contains(t, kept, n)
				}
			}
		})
	}
}

func TestSampleOfTheOthersIsUniform(t *testing.T) {
	const count, parts = 20 * maxKept, 10
	for name, weight := range map[string]func(int) float64{
		"no weights":             func(int) float64 { return 0 },
		"every twentieth weighs": func(n int) float64 { return float64(n % 20 / 19) },
	} {
		t.Run(name, func(t *testing.T) {
			var others [parts]int
			total := 0
			for _, n := range sampled(t, count, weight) {
				if weight(n) == 0 {
					others[n*parts/count]++
					total++
				}
			}
			for part, kept := range others {
				require.InDelta(t, total/parts, kept, float64(total/parts)*0.3, fmt.Sprint("part ", part))
			}
		})
	}
}

func TestSampleIsDeterministic(t *testing.T) {
	weight := func(n int) float64 { return float64(n % 7) }
	require.Equal(t, sampled(t, 5*maxKept, weight), sampled(t, 5*maxKept, weight))
}

func TestWindowsWiden(t *testing.T) {
	const start = 1_700_000_000_000
	one := &Tally{Counts: map[string]float64{"n": 1}}
	tests := map[string]struct{ seconds, step, widthMs, items int }{
		"as many as fit":   {maxWindows, 1, 1000, maxWindows},
		"one more":         {maxWindows + 1, 1, 2000, maxWindows/2 + 1},
		"several times":    {5 * maxWindows, 1, 8000, 5 * maxWindows / 8},
		"far between":      {maxWindows + 1, 16, 32000, maxWindows/2 + 1},
		"a gap is no item": {maxWindows, 1000, 1000, maxWindows},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWindows()
			for n := range test.seconds {
				w.add(float64(start+n*test.step*1000), one)
			}
			series := w.snapshot()
			require.EqualValues(t, test.widthMs, series.WidthMs)
			require.InDelta(t, test.items, len(series.Items), 1)
			total := 0.0
			for i, item := range series.Items {
				require.Zero(t, item.At%series.WidthMs)
				require.True(t, i == 0 || series.Items[i-1].At < item.At)
				total += item.Counts["n"]
			}
			require.EqualValues(t, test.seconds, total)
		})
	}
}

func TestWindowsJoinBucketsByFours(t *testing.T) {
	require.Equal(t, map[string]float64{"0": 1, "3": 6, "7": 4},
		coarse(map[string]float64{"0": 1, "1": 1, "2": 2, "4": 3, "5": 4}))
}
