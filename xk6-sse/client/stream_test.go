package client

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// endless is a body of one text over and over, read in pieces as a socket may give them.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(buffer []byte) (int, error) {
	n := copy(buffer[:min(len(buffer), 1400)], e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

// What an event costs from the body of a response to its receiver, time-outs and all, without the network.
func BenchmarkStream(b *testing.B) {
	event := "data: " + strings.Repeat("x", 192) + "\n\n"
	httpClient := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {mediaType}},
			Body:       io.NopCloser(&endless{text: strings.Repeat(event, 100)}),
			Request:    r,
		}, nil
	})}
	opened, err := Open(b.Context(), httpClient, Request{URL: "http://example.test", Timeouts: Timeouts{Idle: time.Minute}})
	if err != nil {
		b.Fatal(err)
	}
	defer opened.Close()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := opened.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
