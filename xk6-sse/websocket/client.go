// Package websocket receives the messages of a WebSocket as package client does the events of an event stream, so that
// what is measured of the two is measured alike. It sends nothing but what the protocol itself asks for.
package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/plan-load/xk6-sse/client"
	"github.com/plan-load/xk6-sse/eventstream"
)

const (
	// writeBuffer is small: nothing is written but control frames.
	writeBuffer = 256
	// closeWait bounds the write of a close frame to a peer that may not read.
	closeWait = 100 * time.Millisecond
	// maxSpare is the capacity up to which the buffer of a message is kept for the next one.
	maxSpare = 64 << 10
)

// TypeBinary is the type of an event whose data came in a binary frame; that of text is "message".
const TypeBinary = "binary"

// Request says what to open.
type Request struct {
	// URL may have a user and a password, which are sent as Basic authentication.
	URL string
	// Header is sent as it is.
	Header http.Header
	// Connect is the time from Open to the end of the handshake; 0 means no limit.
	Connect time.Duration
	// MaxMessageBytes limits a message; 0 means no limit.
	MaxMessageBytes int
}

// Network is how the machine is left for the server.
type Network struct {
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	TLSConfig   *tls.Config
	Jar         http.CookieJar
}

// Stream is an open WebSocket. Its methods are for one goroutine, except for Close.
type Stream struct {
	connection *websocket.Conn
	socket     *timedConn
	done       <-chan struct{}
	stopWatch  func() bool
	closed     atomic.Bool
	buffer     []byte
}

// Open makes the handshake and returns the stream, which ends with ctx at the latest. An error is always a *client.Error.
func Open(ctx context.Context, network Network, request Request) (*Stream, error) {
	var socket *timedConn
	stopWatch := func() bool { return true }
	dialer := websocket.Dialer{
		NetDialContext: func(dialing context.Context, name, address string) (net.Conn, error) {
			dialed, err := network.DialContext(dialing, name, address)
			if err != nil {
				return nil, err
			}
			socket = &timedConn{Conn: dialed}
			// The dialer itself does not look at ctx while it waits for the answer.
			stopWatch = context.AfterFunc(ctx, func() { _ = dialed.Close() })
			return socket, nil
		},
		Proxy:            http.ProxyFromEnvironment,
		TLSClientConfig:  network.TLSConfig,
		Jar:              network.Jar,
		HandshakeTimeout: request.Connect,
		WriteBufferSize:  writeBuffer,
	}
	address, header := withBasicAuth(request)
	begin := time.Now()
	connection, response, err := dialer.DialContext(ctx, address, header)
	stopWatch()
	if err != nil {
		isLate := request.Connect > 0 && time.Since(begin) >= request.Connect
		return nil, handshakeError(ctx, response, socket != nil, isLate, err)
	}
	connection.SetReadLimit(int64(request.MaxMessageBytes))
	stream := &Stream{connection: connection, socket: socket, done: ctx.Done()}
	stream.stopWatch = context.AfterFunc(ctx, stream.Close)
	return stream, nil
}

// withBasicAuth takes user and password out of the URL, where the dialer refuses them, and sends them as an HTTP client
// does: unless the header has an Authorization of its own.
func withBasicAuth(request Request) (address string, header http.Header) {
	parsed, err := url.Parse(request.URL)
	if err != nil || parsed.User == nil {
		return request.URL, request.Header
	}
	authorized := &http.Request{Header: http.Header{}}
	if request.Header != nil {
		authorized.Header = request.Header.Clone()
	}
	if authorized.Header.Get("Authorization") == "" {
		password, _ := parsed.User.Password()
		authorized.SetBasicAuth(parsed.User.Username(), password)
	}
	parsed.User = nil
	return parsed.String(), authorized.Header
}

// Next waits for the next message. Its error, a *client.Error, ends the stream and has then released all that it held.
func (s *Stream) Next() (client.Event, error) {
	kind, reader, err := s.connection.NextReader()
	if err == nil {
		s.buffer, err = readAll(reader, s.buffer)
	}
	if err == nil && kind == websocket.TextMessage && !utf8.Valid(s.buffer) {
		err = errNotUTF8
	}
	if err != nil {
		closed := s.closed.Load()
		s.closeWith(codeOf(err))
		return client.Event{}, readError(closed, err)
	}
	event := client.Event{Received: s.socket.received}
	event.Type, event.Data = "message", string(s.buffer)
	s.buffer = eventstream.Emptied(s.buffer)
	if kind == websocket.BinaryMessage {
		event.Type = TypeBinary
	}
	if cap(s.buffer) > maxSpare {
		s.buffer = nil
	}
	return event, nil
}

// Done is closed when the stream's context is.
func (s *Stream) Done() <-chan struct{} {
	return s.done
}

// Close ends the stream: with a close frame if the peer takes one at once. It may be called from any goroutine and more
// than once.
func (s *Stream) Close() {
	s.closeWith(websocket.CloseNormalClosure)
}

func (s *Stream) closeWith(code int) {
	if s.closed.Swap(true) {
		return
	}
	s.stopWatch()
	farewell := websocket.FormatCloseMessage(code, "")
	_ = s.connection.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(closeWait))
	_ = s.connection.Close()
}

// readAll is io.ReadAll into a buffer that is there already.
func readAll(reader io.Reader, buffer []byte) ([]byte, error) {
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := reader.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}

// timedConn keeps the time of its last read.
type timedConn struct {
	net.Conn
	received time.Time
}

// Read implements io.Reader.
func (c *timedConn) Read(buffer []byte) (int, error) {
	n, err := c.Conn.Read(buffer)
	c.received = time.Now()
	return n, err
}
