package recorder

import (
	"errors"
	"fmt"
	"strings"

	"go.k6.io/k6/v2/lib"
)

// Segment is this process's part of a run that Of processes share: the Number-th, from 1. A whole run is 1 of 1.
type Segment struct {
	Number int `json:"number"`
	Of     int `json:"of"`
	tuple  *lib.ExecutionTuple
}

// readSegment finds the segment in k6's command line or environment: k6 tells a script of it only after the script has
// said what it wants of k6.
func readSegment(args []string, env func(string) string) (*Segment, error) {
	const segmentFlag, sequenceFlag = "execution-segment", "execution-segment-sequence"
	text := orElse(flag(args, segmentFlag), env("K6_EXECUTION_SEGMENT"))
	sequenceText := orElse(flag(args, sequenceFlag), env("K6_EXECUTION_SEGMENT_SEQUENCE"))
	if text == "" {
		tuple, err := lib.NewExecutionTuple(nil, nil)
		return &Segment{Number: 1, Of: 1, tuple: tuple}, err
	}
	if sequenceText == "" {
		return nil, errors.New("--execution-segment is given without --execution-segment-sequence, by which the " +
			"instances of a run know each other: give both, for two instances 0,1/2,1 as the sequence")
	}
	segment, err := lib.NewExecutionSegmentFromString(text)
	if err != nil {
		return nil, fmt.Errorf("--execution-segment is %q: %w", text, err)
	}
	sequence, err := lib.NewExecutionSegmentSequenceFromString(sequenceText)
	if err != nil {
		return nil, fmt.Errorf("--execution-segment-sequence is %q: %w", sequenceText, err)
	}
	tuple, err := lib.NewExecutionTuple(segment, &sequence)
	if err != nil {
		return nil, fmt.Errorf("--execution-segment %s is no part of --execution-segment-sequence %s", text, sequenceText)
	}
	if !sequence.IsFull() || sequence.LCD() != int64(len(sequence)) {
		return nil, fmt.Errorf("--execution-segment-sequence is %q: the instances of a run have equal parts, for two "+
			"0,1/2,1", sequenceText)
	}
	return &Segment{Number: tuple.SegmentIndex + 1, Of: len(sequence), tuple: tuple}, nil
}

// share is how many of n virtual users k6 gives to this segment.
func (s *Segment) share(n int64) int64 {
	return s.tuple.ScaleInt64(n)
}

// flag is the value of the flag name among args, "" where it is not there.
func flag(args []string, name string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value
		}
		if arg == "--"+name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
