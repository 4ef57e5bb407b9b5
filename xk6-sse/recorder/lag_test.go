package recorder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATimeAtAStandstillCountsForItsLength(t *testing.T) {
	var l lag
	for range 90 {
		l.note(0)
	}
	l.note(95 * time.Millisecond) // as long as nine and a half periods
	late := 0.0
	total := 0.0
	for bucket, n := range l.since {
		total += float64(n)
		if bucket > 0 {
			late += float64(n)
		}
	}
	require.Equal(t, 100.0, total)
	require.Equal(t, 10.0, late)
}
