package k6sse

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plan-load/xk6-sse/client"
)

// fakeLoop is an event loop that runs a task when told.
type fakeLoop struct {
	tasks      chan func() error
	registered int
}

func newFakeLoop() *fakeLoop {
	return &fakeLoop{tasks: make(chan func() error, 1)} // room for one: more than one at a time would block
}

func (l *fakeLoop) register() func(func() error) {
	l.registered++
	return func(task func() error) { l.tasks <- task }
}

func event(data int) delivery {
	d := delivery{}
	d.event.Data = strconv.Itoa(data)
	return d
}

func TestPumpIsBounded(t *testing.T) {
	loop := newFakeLoop()
	var delivered []string
	p := newPump(loop.register, func(d delivery, _ time.Time) error {
		delivered = append(delivered, d.event.Data)
		return nil
	})
	const count = maxQueued + 10
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range count {
			p.put(context.Background(), event(n))
		}
	}()
	task := <-loop.tasks
	select {
	case <-done:
		t.Fatal("nothing held the read goroutine back")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, task())
	<-done
	for len(delivered) < count {
		require.NoError(t, (<-loop.tasks)())
	}
	for n, data := range delivered {
		require.Equal(t, strconv.Itoa(n), data)
	}
}

func TestPumpIsBoundedInBytes(t *testing.T) {
	loop := newFakeLoop()
	p := newPump(loop.register, func(delivery, time.Time) error {
		time.Sleep(maxTurn)
		return nil
	})
	big := delivery{}
	big.event.Data = strings.Repeat("x", maxQueuedBytes/2)
	require.True(t, p.tryPut(big))
	require.True(t, p.tryPut(big))
	require.False(t, p.tryPut(event(1)))
	require.NoError(t, (<-loop.tasks)()) // which delivers one of the two
	require.True(t, p.tryPut(big))
	require.False(t, p.tryPut(event(1)))
	require.NoError(t, (<-loop.tasks)())
	require.NoError(t, (<-loop.tasks)())
	require.True(t, p.tryPut(event(1)))
}

// However often a slow script has its turn, and however fast the server sends, no more than two queues wait.
func TestPumpOfASlowScriptIsBoundedAndMakesNoGarbage(t *testing.T) {
	loop := newFakeLoop()
	delivered, queued := 0, 0
	var p *pump
	fill := func() { // as the read goroutine does, at any moment
		for p.tryPut(event(1)) {
			queued++
		}
	}
	p = newPump(loop.register, func(delivery, time.Time) error {
		delivered++
		fill()
		time.Sleep(maxTurn)
		return nil
	})
	turn := func() {
		fill()
		require.NoError(t, (<-loop.tasks)())
		require.LessOrEqual(t, queued-delivered, 2*maxQueued)
	}
	turn()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const turns = 10
	for range turns {
		turn()
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(turns*20_000))
}

func TestPumpPutEndsWithTheContext(t *testing.T) {
	loop := newFakeLoop()
	delivered := 0
	p := newPump(loop.register, func(delivery, time.Time) error {
		delivered++
		return nil
	})
	for n := range maxQueued {
		p.put(context.Background(), event(n))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	p.put(ctx, event(maxQueued))

	p.end(delivery{ended: &client.Error{}})
	runs := 0
	for ; delivered < maxQueued+1; runs++ { // what was queued and the end
		require.NoError(t, (<-loop.tasks)())
	}
	require.Equal(t, runs, loop.registered)
}

func TestPumpOfASlowScriptGivesOthersTheirTurn(t *testing.T) {
	loop := newFakeLoop()
	var delivered []string
	p := newPump(loop.register, func(d delivery, _ time.Time) error {
		delivered = append(delivered, d.event.Data)
		time.Sleep(maxTurn)
		return nil
	})
	for n := range 3 {
		p.put(context.Background(), event(n))
	}
	require.NoError(t, (<-loop.tasks)())
	require.Equal(t, []string{"0"}, delivered)
	p.put(context.Background(), event(3))
	p.end(delivery{ended: &client.Error{}})
	for range 4 {
		require.NoError(t, (<-loop.tasks)())
	}
	require.Equal(t, []string{"0", "1", "2", "3", ""}, delivered)
	require.Equal(t, 5, loop.registered, "as often as it ran")
}

func TestPumpRegistersUntilTheEnd(t *testing.T) {
	loop := newFakeLoop()
	failure := errors.New("mine")
	calls := 0
	p := newPump(loop.register, func(delivery, time.Time) error {
		calls++
		if calls == 1 {
			return failure
		}
		return nil
	})
	p.put(context.Background(), event(1))
	p.put(context.Background(), event(2))
	require.ErrorIs(t, (<-loop.tasks)(), failure)
	require.Equal(t, 2, calls)
	require.Equal(t, 2, loop.registered)

	p.end(delivery{ended: &client.Error{}})
	require.NoError(t, (<-loop.tasks)())
	require.Equal(t, 2, loop.registered)
}

func TestPumpFreesTheMemoryOfABurst(t *testing.T) {
	loop := newFakeLoop()
	p := newPump(loop.register, func(delivery, time.Time) error { return nil })
	for p.tryPut(event(1)) {
	}
	for queued := true; queued; queued = p.left > 0 {
		require.NoError(t, (<-loop.tasks)())
	}
	require.LessOrEqual(t, cap(p.rest)+cap(p.queue)+cap(p.spare), maxSpare)
	p.put(context.Background(), event(1))
	require.NoError(t, (<-loop.tasks)())
}
