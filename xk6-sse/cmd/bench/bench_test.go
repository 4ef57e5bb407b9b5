package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClientsReceiveWhatTheSourceSends(t *testing.T) {
	source := httptest.NewServer(newSource())
	defer source.Close()
	for transport, open := range transports {
		for _, plan := range []string{"messages=1000", "messages=100&rate=1000"} {
			t.Run(transport+" "+plan, func(t *testing.T) {
				planned, err := parseLoad(plan)
				require.NoError(t, err)
				var received account
				require.NoError(t, open(context.Background(), source.URL, plan, received.take))
				assert.Equal(t, planned.messages, received.received)
				assert.Len(t, received.latencies, planned.messages, "each has a stamp of its own")
				assert.Zero(t, received.duplicates)
				assert.Zero(t, received.reordered)
			})
		}
	}
}

func TestStreamsOfAMeetingAreSentToByTurnsFromTheSameTimeOn(t *testing.T) {
	source := httptest.NewServer(newSource())
	defer source.Close()
	const messages, rate, streams = 300, 1000, 4 // three turns and more for each client
	plan := func(turn int) string {
		return fmt.Sprintf("messages=%d&rate=%d&meeting=m&streams=%d&turn=%d", messages, rate, streams, turn)
	}
	var stamps [streams][]time.Time
	var all sync.WaitGroup
	for i := range stamps {
		open := []follow{followSSE, followWebSocket}[i/turns]
		all.Go(func() {
			assert.NoError(t, open(context.Background(), source.URL, plan(i%turns), func(text []byte) {
				var message struct{ Timestamp string }
				if json.Unmarshal(text, &message) == nil && message.Timestamp != "" {
					stamp, _ := time.Parse(stampLayout, message.Timestamp)
					stamps[i] = append(stamps[i], stamp)
				}
			}))
		})
	}
	all.Wait()

	var opened time.Time
	for i := range stamps {
		require.Len(t, stamps[i], messages)
		if first := stamps[i][0]; first.After(opened) {
			opened = first
		}
	}
	for i := range stamps {
		for n, stamp := range stamps[i][1:] {
			due := opened.Add(settling + outOfTurn(time.Duration(n+2)*time.Second/rate, i%turns))
			require.False(t, stamp.Before(due.Add(-time.Millisecond)), "message %d of stream %d is early", n+2, i)
		}
	}

	for turn := range turns {
		response, err := http.Get(fmt.Sprintf("%s/meetings/m/%d", source.URL, turn))
		require.NoError(t, err)
		var late float64
		require.NoError(t, json.NewDecoder(response.Body).Decode(&late))
		require.NoError(t, response.Body.Close())
		assert.Positive(t, late)
	}
}

func TestAMeetingIsWaitedForUntilTheClientLeaves(t *testing.T) {
	m := &meetings{byName: map[string]*meeting{}}
	planned := load{messages: 1, rate: 1, meeting: "m", streams: 2}
	left := make(chan struct{})
	close(left)
	require.Zero(t, m.join(planned).wait(left))
	require.True(t, m.join(planned).wait(nil).After(time.Now()))
}

func TestTurnsCoverAllTimeAndNeverTwoAtOnce(t *testing.T) {
	for elapsed := -time.Second; elapsed < time.Second; elapsed += time.Millisecond {
		assert.Equal(t, max(0, elapsed), inTurn(elapsed, 0)+inTurn(elapsed, 1), elapsed)
	}
	for turn := range turns {
		for spent := time.Duration(0); spent < time.Second; spent += time.Millisecond {
			assert.Equal(t, spent, inTurn(outOfTurn(spent, turn), turn))
		}
	}
}

func TestALoadIsOverWhenItsLastMessageIsDue(t *testing.T) {
	for turn := range turns {
		for messages := 1; messages < 10_000; messages++ {
			l := load{messages: messages, rate: 1000, meeting: "m", turn: turn}
			require.Equal(t, messages, l.due(l.over()))
			require.Equal(t, messages-1, l.due(l.over()-1))
		}
	}
}

func TestAClientThatLeavesLateIsToldSo(t *testing.T) {
	s := &source{meetings: meetings{byName: map[string]*meeting{}}}
	planned := load{messages: 1, rate: 1000, meeting: "m", streams: 1, turn: 1}
	m := s.meetings.join(planned)
	m.begins = time.Now().Add(-time.Hour)
	answer := make(chan string)
	go func() {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.SetPathValue("name", "m")
		request.SetPathValue("turn", "1")
		s.meetings.serveLate(recorder, request)
		answer <- recorder.Body.String()
	}()
	select {
	case <-answer:
		t.Fatal("it has not left yet")
	case <-time.After(10 * time.Millisecond):
	}
	m.leave(planned)
	late, err := strconv.ParseFloat(strings.TrimSpace(<-answer), 64)
	require.NoError(t, err)
	require.InDelta(t, time.Hour.Seconds(), late, time.Minute.Seconds())
}

func TestIdleStreamLastsUntilTheClientLeaves(t *testing.T) {
	source := httptest.NewServer(newSource())
	defer source.Close()
	for transport, open := range transports {
		t.Run(transport, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			var received account
			require.Error(t, open(ctx, source.URL, "idle", received.take))
			require.Error(t, ctx.Err())
			assert.Zero(t, received.received)
		})
	}
}

func TestAccountFindsRepeatedAndReorderedMessages(t *testing.T) {
	message := func(stamp string) []byte {
		return []byte(`{"type":"log","message":"a line","timestamp":"` + stamp + `"}`)
	}
	var a account
	a.take(message("2026-11-22T08:49:17.000002"))
	a.take(message("2026-11-22T08:49:17.000002"))
	a.take(message("2026-11-22T08:49:17.000001"))
	a.take([]byte(`{"type":"status","status":"completed"}`))
	assert.Equal(t, 3, a.received)
	assert.Equal(t, 1, a.duplicates)
	assert.Equal(t, 1, a.reordered)
}

func TestStampsIncreaseAndAreNotInTheFuture(t *testing.T) {
	const n = maxBatch
	batch := bytes.Repeat([]byte(stampLayout), n)
	var stamps stamper
	var last time.Time
	for range 3 {
		time.Sleep(n * time.Microsecond)
		stamps.stamp(batch, 0, len(stampLayout), n)
		for i := range n {
			stamp, err := time.Parse(stampLayout, string(batch[i*len(stampLayout):(i+1)*len(stampLayout)]))
			require.NoError(t, err)
			assert.True(t, stamp.After(last))
			assert.False(t, stamp.After(time.Now()))
			last = stamp
		}
	}
}

func TestRefusesWhatIsNoLoad(t *testing.T) {
	for _, id := range []string{
		"messages=many", "messages=1&rate=fast", "messages=-1", "messages=1&rate=1&meeting=a",
		"messages=1&rate=1&meeting=a&streams=2&turn=2",
	} {
		_, err := parseLoad(id)
		assert.Error(t, err, id)
	}
}

func TestMeasureTellsWhatACommandCost(t *testing.T) {
	command := []string{"sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exit 3"}
	measured, err := measure(context.Background(), time.Millisecond, command)
	require.NoError(t, err)
	assert.Equal(t, 3, measured.ExitCode)
	assert.Equal(t, "done\n", measured.Stdout)
	assert.Positive(t, measured.CPUSeconds)
	assert.NotEmpty(t, measured.Resident)

	resident, found := residentBytes(os.Getpid())
	assert.True(t, found)
	assert.Positive(t, resident)
}
