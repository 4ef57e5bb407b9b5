package recorder

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/lib"
)

func TestAnAnswerIsReadUpToItsLimit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for written := 0; r.URL.Path == "/endless" || written < answerLimit/2; written += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	state := &lib.State{Transport: &http.Transport{}}
	boundAnswers(state)
	boundAnswers(state)
	require.IsType(t, &http.Transport{}, state.Transport.(bounded).Unwrap(), "it is bound once")

	for path, wrong := range map[string]error{"/long": nil, "/endless": errAnswerTooLong} {
		response, err := (&http.Client{Transport: state.Transport}).Get(server.URL + path)
		require.NoError(t, err)
		read, err := io.Copy(io.Discard, response.Body)
		require.NoError(t, response.Body.Close())
		require.ErrorIs(t, err, wrong)
		require.LessOrEqual(t, read, int64(answerLimit))
	}
}
