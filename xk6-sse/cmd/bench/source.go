package main

import (
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
// silent until the client leaves; without a rate it is as fast as it is read.
type load struct {
	idle     bool
	messages int
	rate     int // a second
}

func parseLoad(id string) (load, error) {
	values, err := url.ParseQuery(id)
	if err != nil {
		return load{}, err
	}
	if !values.Has("messages") {
		return load{idle: true}, nil
	}
	messages, err := strconv.Atoi(values.Get("messages"))
	if err != nil || !values.Has("rate") {
		return load{messages: messages}, err
	}
	rate, err := strconv.Atoi(values.Get("rate"))
	return load{messages: messages, rate: rate}, err
}

// due is how many messages there are to be sent by now.
func (l load) due(elapsed time.Duration) int {
	if l.rate == 0 {
		return l.messages
	}
	return min(l.messages, int(elapsed.Seconds()*float64(l.rate)))
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

func newSource() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/plans/{id}/stream", serveSSE)
	mux.HandleFunc("GET /ws/plans/{id}/progress", serveWebSocket)
	return mux
}

func serveSSE(w http.ResponseWriter, r *http.Request) {
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
	stream(conn, read, sseFrames, planned)
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func serveWebSocket(w http.ResponseWriter, r *http.Request) {
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
	stream(socket.NetConn(), read, webSocketFrames, planned)
}

// stream writes a whole stream. read reads what the client sends until it leaves, which ends the stream.
func stream(conn net.Conn, read func(), f frames, planned load) {
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
	if send(conn, f, planned) == nil {
		_, _ = conn.Write(f.end)
	}
	_ = conn.SetReadDeadline(time.Now().Add(leaving))
	<-left
}

// send writes the messages as they are due, those of a tick at once.
func send(conn net.Conn, f frames, planned load) error {
	size := len(f.message)
	batch := make([]byte, 0, maxBatch*size)
	for range maxBatch {
		batch = append(batch, f.message...)
	}
	var stamps stamper
	started := time.Now()
	for sent := 0; sent < planned.messages; {
		n := min(maxBatch, planned.due(time.Since(started))-sent)
		if n == 0 {
			untilNextTick()
			continue
		}
		stamps.stamp(batch, f.stampAt, size, n)
		if _, err := conn.Write(batch[:n*size]); err != nil {
			return err
		}
		sent += n
	}
	return nil
}

// untilNextTick waits for a tick that all streams share, so that they wake together.
func untilNextTick() {
	time.Sleep(tick - time.Duration(time.Now().UnixNano())%tick)
}
