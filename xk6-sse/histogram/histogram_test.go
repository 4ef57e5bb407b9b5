package histogram

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuckets(t *testing.T) {
	require.Equal(t, 0, BucketOf(-5))
	require.Equal(t, 0, BucketOf(0.01))
	require.Equal(t, 1, BucketOf(0.0101))
	require.Equal(t, 33, BucketOf(0.02001))
	require.Equal(t, Buckets-1, BucketOf(1e12))
}

func TestJSONHoldsWhatIsThere(t *testing.T) {
	var h Histogram
	text, err := json.Marshal(h)
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(text))
	h.Add(0)
	h.Add(0)
	h.Add(0.0101)
	text, err = json.Marshal(h)
	require.NoError(t, err)
	require.JSONEq(t, `{"0":2,"1":1}`, string(text))
}
