package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
)

// script is a server that answers its requests with one handler after the other, the last one from then on.
type script struct {
	url      string
	requests chan *http.Request
}

func serveScript(t *testing.T, handlers ...http.HandlerFunc) *script {
	t.Helper()
	s := &script{requests: make(chan *http.Request, 100)}
	var begun atomic.Int32
	s.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		next := int(begun.Add(1)) - 1
		s.requests <- r
		handlers[min(next, len(handlers)-1)](w, r)
	})
	return s
}

// lastEventIDs returns the Last-Event-ID of every request so far; "-" for one without.
func (s *script) lastEventIDs() (ids []string) {
	for len(s.requests) > 0 {
		header := (<-s.requests).Header
		if header.Get("Last-Event-ID") == "" {
			ids = append(ids, "-")
		} else {
			ids = append(ids, header.Get("Last-Event-ID"))
		}
	}
	return ids
}

func refuse(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func breakOff(parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer.Stream(false, parts...)(w, r)
		panic(http.ErrAbortHandler)
	}
}

var quickly = Reconnect{MaxAttempts: 3, Delay: time.Millisecond}

// receive returns the data of all events of a source and what ended it.
func receive(t *testing.T, source *Source) (data []string, end *Error) {
	t.Helper()
	data = []string{}
	for {
		opened, err := source.Open()
		for err == nil {
			var event Event
			if event, err = opened.Next(); err == nil {
				data = append(data, event.Data)
			}
		}
		require.ErrorAs(t, err, &end)
		if !source.Reconnects(err) {
			return data, end
		}
	}
}

func newSource(t *testing.T, request Request, reconnect Reconnect) *Source {
	t.Helper()
	source := NewSource(t.Context(), newHTTPClient(t), request, reconnect)
	t.Cleanup(source.Close)
	return source
}

func TestReconnection(t *testing.T) {
	html := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }
	event := "data: a\n\n"
	tests := map[string]struct {
		handlers []http.HandlerFunc
		events   int
		ids      []string
		kind     Kind
	}{
		"after the end": {
			[]http.HandlerFunc{peer.Stream(false, event), peer.Stream(false, event), refuse(204)}, 2, []string{"-", "-", "-"}, KindStatus},
		"after a reset": {
			[]http.HandlerFunc{breakOff(event), refuse(204)}, 1, []string{"-", "-"}, KindStatus},
		"204 ends it":            {[]http.HandlerFunc{refuse(204)}, 0, []string{"-"}, KindStatus},
		"404 ends it":            {[]http.HandlerFunc{peer.Stream(false), refuse(404)}, 0, []string{"-", "-"}, KindStatus},
		"503 ends it":            {[]http.HandlerFunc{peer.Stream(false), refuse(503)}, 0, []string{"-", "-"}, KindStatus},
		"a content type ends it": {[]http.HandlerFunc{peer.Stream(false), html}, 0, []string{"-", "-"}, KindContentType},
		"the last id is sent": {
			[]http.HandlerFunc{peer.Stream(false, "id: 1\n"+event+"id: 2\n\n"), refuse(204)}, 1, []string{"-", "2"}, KindStatus},
		"but not that of an unfinished block": {
			[]http.HandlerFunc{peer.Stream(false, "id: 1\n"+event+"id: 2\ndata: b\n"), refuse(204)}, 1, []string{"-", "1"}, KindStatus},
		"the id stays over connections": {
			[]http.HandlerFunc{peer.Stream(false, "id: ü\n"+event), breakOff(), peer.Stream(false, event), refuse(204)}, 2,
			[]string{"-", "ü", "ü", "ü"}, KindStatus},
		"an empty id is not sent": {
			[]http.HandlerFunc{peer.Stream(false, "id: 1\n"+event), peer.Stream(false, "id\n\n"), refuse(204)}, 1,
			[]string{"-", "1", "-"}, KindStatus},
		"it is tried so often": {
			[]http.HandlerFunc{breakOff()}, 0, []string{"-", "-", "-", "-"}, KindReset},
		"whatever comes in between": {
			[]http.HandlerFunc{breakOff(event)}, 4, []string{"-", "-", "-", "-"}, KindReset},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := serveScript(t, test.handlers...)
			data, end := receive(t, newSource(t, Request{URL: server.url}, quickly))
			require.Len(t, data, test.events)
			require.Equal(t, test.kind, end.Kind, end.Message)
			require.Equal(t, test.ids, server.lastEventIDs())
		})
	}
}

func TestReconnectionIsOffByDefault(t *testing.T) {
	server := serveScript(t, peer.Stream(false, "data: a\n\n"))
	data, end := receive(t, newSource(t, Request{URL: server.url}, Reconnect{}))
	require.Len(t, data, 1)
	require.Equal(t, KindEnd, end.Kind)
	require.Len(t, server.lastEventIDs(), 1)
}

func TestReconnectionAfterTimeouts(t *testing.T) {
	for name, timeouts := range map[string]Timeouts{
		"connect":     {Connect: 30 * time.Millisecond},
		"first event": {FirstEvent: 30 * time.Millisecond},
		"idle":        {Idle: 30 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			silent := peer.Stream(true)
			if name == "connect" {
				silent = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			}
			server := serveScript(t, silent, silent, refuse(204))
			_, end := receive(t, newSource(t, Request{URL: server.url, Timeouts: timeouts}, quickly))
			require.Equal(t, KindStatus, end.Kind, end.Message)
			require.Len(t, server.lastEventIDs(), 3)
		})
	}
}

func TestTotalEndsAllReconnections(t *testing.T) {
	// After the second stream the total passes in the wait for the next one: as a stream ends, either could be first.
	server := serveScript(t, peer.Stream(false, "data: a\n\n"), peer.Stream(false, "retry: 3600000\ndata: b\n\n"))
	request := Request{URL: server.url, Timeouts: Timeouts{Total: 100 * time.Millisecond}}
	data, end := receive(t, newSource(t, request, Reconnect{MaxAttempts: 10_000, Delay: time.Millisecond}))
	require.Greater(t, len(data), 1)
	require.Equal(t, "the total time-out of 100ms passed", end.Message)
}

func TestTotalIsNotRetried(t *testing.T) {
	request := Request{URL: serve(t, peer.Stream(true)), Timeouts: Timeouts{Total: 50 * time.Millisecond}}
	source := newSource(t, request, quickly)
	opened, err := source.Open()
	require.NoError(t, err)
	_, err = opened.Next()
	requireKind(t, KindTimeout, err)
	require.False(t, source.Reconnects(err))
}

func TestTotalEndsTheWait(t *testing.T) {
	server := serveScript(t, peer.Stream(false))
	request := Request{URL: server.url, Timeouts: Timeouts{Total: 50 * time.Millisecond}}
	_, end := receive(t, newSource(t, request, Reconnect{MaxAttempts: 1, Delay: time.Hour}))
	require.Equal(t, "the total time-out of 50ms passed", end.Message)
}

func TestReconnectionTimeOfTheServer(t *testing.T) {
	server := serveScript(t, peer.Stream(false, "retry: 1\n"), breakOff("data: a\n\n"), peer.Stream(false), refuse(204))
	data, end := receive(t, newSource(t, Request{URL: server.url}, Reconnect{MaxAttempts: 3, Delay: time.Hour}))
	require.Len(t, data, 1)
	require.Equal(t, KindStatus, end.Kind)
}

func TestTooLongIsNotRetried(t *testing.T) {
	for _, request := range []Request{{MaxLineBytes: 5}, {MaxEventBytes: 1}} {
		server := serveScript(t, peer.Stream(true, "data: aaa\n\n"))
		request.URL = server.url
		_, end := receive(t, newSource(t, request, quickly))
		require.Equal(t, KindTooLong, end.Kind)
		require.Len(t, server.lastEventIDs(), 1)
	}
}

func TestSourceIsClosed(t *testing.T) {
	closings := map[string]func(*Source, context.CancelFunc){
		"by Close":   func(s *Source, _ context.CancelFunc) { s.Close() },
		"by context": func(_ *Source, cancel context.CancelFunc) { cancel() },
	}
	for name, end := range closings {
		t.Run(name, func(t *testing.T) {
			server := serveScript(t, peer.Stream(true, "data: a\n\n"))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			source := NewSource(ctx, newHTTPClient(t), Request{URL: server.url}, quickly)
			opened, err := source.Open()
			require.NoError(t, err)
			_, err = opened.Next()
			require.NoError(t, err)
			end(source, cancel)
			_, err = opened.Next()
			requireKind(t, KindClosed, err)
			require.False(t, source.Reconnects(err))
			_, err = source.Open()
			requireKind(t, KindClosed, err)
		})
	}
}

func TestSourceIsClosedWhileItWaits(t *testing.T) {
	server := serveScript(t, peer.Stream(false))
	source := newSource(t, Request{URL: server.url}, Reconnect{MaxAttempts: 1, Delay: time.Hour})
	opened, err := source.Open()
	require.NoError(t, err)
	_, err = opened.Next()
	require.True(t, source.Reconnects(err))
	go source.Close()
	_, err = source.Open()
	requireKind(t, KindClosed, err)
	require.False(t, source.Reconnects(err))
}

func TestBackoffBeginsAnewAfterAnEvent(t *testing.T) {
	server := serveScript(t, peer.Stream(false), peer.Stream(false), peer.Stream(false, "data: a\n\n"), peer.Stream(false))
	source := newSource(t, Request{URL: server.url}, Reconnect{MaxAttempts: 4})
	var inARow []int
	for {
		opened, err := source.Open()
		for err == nil {
			_, err = opened.Next()
		}
		if !source.Reconnects(err) {
			break
		}
		inARow = append(inARow, source.inARow)
	}
	require.Equal(t, []int{1, 2, 1, 2}, inARow)
}

func TestReconnectWait(t *testing.T) {
	tests := []struct {
		reconnect Reconnect
		waits     []time.Duration
	}{
		{Reconnect{}, []time.Duration{4, 4, 4}},
		{Reconnect{Backoff: 2}, []time.Duration{4, 8, 16, 32}},
		{Reconnect{Backoff: 2, MaxDelay: 10}, []time.Duration{4, 8, 10, 10}},
		{Reconnect{Backoff: 1.5, MaxDelay: 3}, []time.Duration{4, 4, 4}},
		{Reconnect{Backoff: 0.5}, []time.Duration{4, 4, 4}},
	}
	for _, test := range tests {
		for i, want := range test.waits {
			require.Equal(t, want, test.reconnect.wait(4, i+1), fmt.Sprintf("%+v, attempt %d", test.reconnect, i+1))
		}
	}
	require.Positive(t, Reconnect{Backoff: 10}.wait(time.Hour, 1000), "it must not overflow")
}

func TestReconnectJitter(t *testing.T) {
	reconnect := Reconnect{Backoff: 2, MaxDelay: 1500, Jitter: 0.5}
	seen := map[time.Duration]bool{}
	for range 1000 {
		wait := reconnect.wait(1000, 5)
		require.GreaterOrEqual(t, wait, time.Duration(1500))
		require.Less(t, wait, time.Duration(2250))
		seen[wait] = true
	}
	require.Greater(t, len(seen), 100)
}
