package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// tick is how often a stream with a rate is looked at; what is due by then is written at once.
	tick     = time.Millisecond
	maxBatch = 64
	// leaving is how long a client may take to close after the end.
	leaving = 5 * time.Second
)

// load is what the stream of a plan does. The plan's id says it, as in "messages=600&rate=60". Without messages it is
// silent until the client leaves; without a rate it is as fast as it is read. With "&meeting=1&streams=100&turn=0" it
// sends one message, waits until so many streams have come to the meeting, and sends the others in its turns.
type load struct {
	idle     bool
	messages int
	rate     int // a second
	meeting  string
	streams  int
	turn     int
}

func parseLoad(id string) (load, error) {
	values, err := url.ParseQuery(id)
	if err != nil {
		return load{}, err
	}
	l := load{idle: !values.Has("messages"), meeting: values.Get("meeting")}
	for name, number := range map[string]*int{
		"messages": &l.messages, "rate": &l.rate, "streams": &l.streams, "turn": &l.turn,
	} {
		if !values.Has(name) {
			continue
		}
		if *number, err = strconv.Atoi(values.Get(name)); err != nil || *number < 0 {
			return load{}, fmt.Errorf("%s is no number: %q", name, values.Get(name))
		}
	}
	if l.meeting != "" && (l.rate == 0 || l.streams == 0 || l.turn >= turns) {
		return load{}, fmt.Errorf("a meeting needs a rate, streams, and a turn below %d", turns)
	}
	return l, nil
}

// due is how many messages there are to be sent by now.
func (l load) due(elapsed time.Duration) int {
	if l.rate == 0 {
		return l.messages
	}
	if l.meeting != "" {
		elapsed = inTurn(elapsed, l.turn)
	}
	return min(l.messages, int(elapsed*time.Duration(l.rate)/time.Second))
}

// over is when the last message is due.
func (l load) over() time.Duration {
	return outOfTurn(time.Duration(l.messages)*time.Second/time.Duration(l.rate), l.turn)
}

// serveSource serves until its stdin is closed. It says its address on stdout.
func serveSource([]string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(listener, newSource())
}

// source is the server of all streams.
type source struct {
	meetings meetings
}

func newSource() http.Handler {
	s := &source{meetings: meetings{byName: map[string]*meeting{}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/plans/{id}/stream", s.serveSSE)
	mux.HandleFunc("GET /ws/plans/{id}/progress", s.serveWebSocket)
	mux.HandleFunc("GET /meetings/{name}/{turn}", s.meetings.serveLate)
	return mux
}

func (s *source) serveSSE(w http.ResponseWriter, r *http.Request) {
	planned, err := parseLoad(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	read := func() { _, _ = io.Copy(io.Discard, conn) }
	s.stream(conn, read, sseFrames, planned)
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (s *source) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	planned, err := parseLoad(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	read := func() { // answers a close
		for err := error(nil); err == nil; {
			_, _, err = socket.ReadMessage()
		}
	}
	s.stream(socket.NetConn(), read, webSocketFrames, planned)
}

// stream writes a whole stream. read reads what the client sends until it leaves, which ends the stream.
func (s *source) stream(conn net.Conn, read func(), f frames, planned load) {
	left := make(chan struct{})
	go func() {
		defer close(left)
		defer conn.Close()
		read()
	}()
	if _, err := conn.Write(f.opening); err != nil {
		return
	}
	if planned.idle {
		return
	}
	begins := time.Now()
	to := newSender(conn, f)
	if planned.meeting != "" {
		_ = to.write(1) // where that fails, the client has left
		m := s.meetings.join(planned)
		defer m.leave(planned)
		begins = m.wait(left)
	}
	if to.send(planned, begins) == nil {
		_, _ = conn.Write(f.end)
	}
	_ = conn.SetReadDeadline(time.Now().Add(leaving))
	<-left
}

// sender writes the messages of a stream.
type sender struct {
	conn   net.Conn
	frames frames
	batch  []byte
	stamps stamper
	sent   int
}

func newSender(conn net.Conn, f frames) *sender {
	return &sender{conn: conn, frames: f, batch: bytes.Repeat(f.message, maxBatch)}
}

// send writes the messages as they are due from begins on, those of a tick at once.
func (s *sender) send(planned load, begins time.Time) error {
	for s.sent < planned.messages {
		n := min(maxBatch, planned.due(time.Since(begins))-s.sent)
		if n <= 0 {
			untilNextTick()
			continue
		}
		if err := s.write(n); err != nil {
			return err
		}
	}
	return nil
}

// write writes n messages, with the stamps of now.
func (s *sender) write(n int) error {
	size := len(s.frames.message)
	s.stamps.stamp(s.batch, s.frames.stampAt, size, n)
	_, err := s.conn.Write(s.batch[:n*size])
	s.sent += n
	return err
}

// untilNextTick waits for a tick that all streams share, so that they wake together.
func untilNextTick() {
	time.Sleep(tick - time.Duration(time.Now().UnixNano())%tick)
}
