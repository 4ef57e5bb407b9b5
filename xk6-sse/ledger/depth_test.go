package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func nested(depth int) string {
	return strings.Repeat(`[{"a":`, depth/2) + "1" + strings.Repeat("}]", depth/2)
}

func TestDepthIsCountedOutsideOfStrings(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                   false,
		nested(maxDepth):                     false,
		nested(maxDepth + 2):                 true,
		strings.Repeat("[", maxDepth+1):      true,
		strings.Repeat("[],", 10_000):        false,
		`["` + strings.Repeat("[", 5_000):    false,
		`["\"` + strings.Repeat("[", 5_000):  false,
		`["\\"` + strings.Repeat("[", 5_000): true,
	} {
		require.Equal(t, want, IsTooDeep(text), text[:min(len(text), 40)])
	}
}

// Unguarded, this ends the process.
func TestAFrameWithoutAnEndOfBracketsIsNoMessage(t *testing.T) {
	for _, bracket := range []string{"[", `{"type":`, `{"type":"log","message":[`} {
		_, isMessage := parseFrame(strings.Repeat(bracket, 16<<20/len(bracket)))
		require.False(t, isMessage)
	}
}
