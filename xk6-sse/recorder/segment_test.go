package recorder

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func none(string) string { return "" }

func TestSegmentOfAWholeRun(t *testing.T) {
	segment, err := readSegment([]string{"k6", "run", "dist/suite.js"}, none)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{segment.Number, segment.Of})
	require.Equal(t, int64(7), segment.share(7))
}

func TestSegmentsShareAllUsers(t *testing.T) {
	const sequence = "0,1/4,2/4,3/4,1"
	for _, users := range []int64{1, 3, 5, 10, 1200} {
		var shared int64
		for number, text := range []string{"0:1/4", "1/4:2/4", "2/4:3/4", "3/4:1"} {
			args := []string{"k6", "--execution-segment=" + text, "--execution-segment-sequence", sequence}
			segment, err := readSegment(args, none)
			require.NoError(t, err)
			require.Equal(t, []int{number + 1, 4}, []int{segment.Number, segment.Of})
			shared += segment.share(users)
		}
		require.Equal(t, users, shared)
	}
}

func TestSegmentFromTheEnvironment(t *testing.T) {
	env := map[string]string{"K6_EXECUTION_SEGMENT": "1/2:1", "K6_EXECUTION_SEGMENT_SEQUENCE": "0,1/2,1"}
	segment, err := readSegment(nil, func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, []int{2, 2}, []int{segment.Number, segment.Of})
}

func TestSegmentsThatAreRefused(t *testing.T) {
	cases := []struct{ segment, sequence, message string }{
		{"0:1/2", "", "without --execution-segment-sequence"},
		{"half", "0,1/2,1", `--execution-segment is "half"`},
		{"0:1/2", "1,0", `--execution-segment-sequence is "1,0"`},
		{"0:1/4", "0,1/2,1", "is no part of"},
		{"0:1/4", "0,1/4,1", "have equal parts"},
		{"0:1/2", "0,1/2", "have equal parts"},
	}
	for _, c := range cases {
		args := []string{"--execution-segment=" + c.segment, "--execution-segment-sequence=" + c.sequence}
		_, err := readSegment(args, none)
		require.ErrorContains(t, err, c.message, c.segment+" of "+c.sequence)
	}
}
