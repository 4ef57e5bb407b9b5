package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
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
	for _, id := range []string{"messages=many", "messages=1&rate=fast"} {
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
