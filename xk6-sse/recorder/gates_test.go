package recorder

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAGateTellsItsFirstWord(t *testing.T) {
	gates := NewGates()
	heard := make(chan string)
	go func() { heard <- gates.Pass(context.Background(), "second test") }()
	gates.Open("second test", "go")
	gates.Open("second test", "not yet")
	require.Equal(t, "go", <-heard)
	require.Equal(t, "go", gates.Pass(context.Background(), "second test"))
}

func TestNobodyWaitsAtAGateBeyondItsEnd(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	gates := NewGates()
	require.Empty(t, gates.Pass(ended, "shut"))
	require.True(t, gates.TakeTurn(context.Background(), "full", 1))
	require.False(t, gates.TakeTurn(ended, "full", 1))
}

func TestOnlySoManyTurnsAreTakenAtOnce(t *testing.T) {
	gates := NewGates()
	taken := make(chan int, 3)
	for i := range 3 {
		go func() {
			gates.TakeTurn(context.Background(), "test", 2)
			taken <- i
		}()
	}
	<-taken
	<-taken
	select {
	case <-taken:
		t.Fatal("a third turn was taken")
	case <-time.After(20 * time.Millisecond):
	}
	gates.EndTurn("test")
	<-taken
}

func TestAScriptWaitsAtAGate(t *testing.T) {
	root := New()
	waiting := newUser(t, root)
	eval(t, newUser(t, root), `recorder.openGate("g", "go"); recorder.endTurn("g")`)
	_, err := waiting.RunOnEventLoop(`
		recorder.passGate("g")
			.then((word) => { globalThis.heard = word; return recorder.takeTurn("g", 1); })
			.then(() => { globalThis.taken = true; });
	`)
	require.NoError(t, err)
	require.Equal(t, "go", eval(t, waiting, "heard"))
	require.Equal(t, true, eval(t, waiting, "taken"))
}
