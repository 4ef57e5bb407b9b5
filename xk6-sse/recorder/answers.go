package recorder

import (
	"errors"
	"io"
	"net/http"

	"go.k6.io/k6/v2/lib"
)

// answerLimit is how many bytes of an HTTP answer are read: a plan's whole log of 100,000 messages is half of it. k6 holds
// an answer in memory until its end, and one without an end until the request's time is over.
const answerLimit = 32 << 20

var errAnswerTooLong = errors.New("the answer is longer than 32 MiB")

// boundAnswers has the requests of a virtual user read no more than answerLimit of an answer.
func boundAnswers(state *lib.State) {
	if _, ok := state.Transport.(bounded); !ok {
		state.Transport = bounded{state.Transport}
	}
}

type bounded struct{ http.RoundTripper }

// Unwrap returns the transport beneath, for streams: they have no end to wait for.
func (b bounded) Unwrap() http.RoundTripper { return b.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = &boundedBody{ReadCloser: response.Body, left: answerLimit}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errAnswerTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
