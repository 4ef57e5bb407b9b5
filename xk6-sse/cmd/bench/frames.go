package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	stampLayout = "2006-01-02T15:04:05.000000"
	// logText makes a message of about 200 bytes of JSON.
	logText = "INFO run_plan_pipeline: task PremortemTask(speedvsdetail=fast_but_skip_details) wrote 021-premortem.json, 4096 bytes"

	logJSON       = `{"type":"log","message":"` + logText + `","timestamp":"` + stampLayout + `"}`
	completedJSON = `{"type":"status","status":"completed","message":"Pipeline completed successfully."}`
	connectedJSON = `{"type":"connection","status":"connected","message":"WebSocket connected successfully"}`
	streamEndJSON = `{"type":"stream_end","message":"Stream ended"}`
)

// frames is a stream in bytes that only lack their stamps.
type frames struct {
	opening []byte
	message []byte
	stampAt int // where in message the stamp is
	end     []byte
}

var sseFrames = newFrames(
	[]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"+
		"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"),
	event("task_update", logJSON),
	event("task_update", completedJSON), event("end", "Stream ended"), []byte("0\r\n\r\n"),
)

var webSocketFrames = newFrames(
	frame(0x81, connectedJSON),
	frame(0x81, logJSON),
	frame(0x81, completedJSON), frame(0x81, streamEndJSON), frame(0x88, "\x03\xe8"),
)

func newFrames(opening, message []byte, end ...[]byte) frames {
	stampAt := bytes.Index(message, []byte(stampLayout))
	return frames{opening: opening, message: message, stampAt: stampAt, end: bytes.Join(end, nil)}
}

// event is a server-sent event in a chunk of its own, with the line ends of the plan API.
func event(name, data string) []byte {
	text := fmt.Sprintf("event: %s\r\ndata: %s\r\n\r\n", name, data)
	return fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text)
}

// frame is a WebSocket frame of a server, of less than 64 KiB. The first byte says that it is whole, and its kind.
func frame(first byte, payload string) []byte {
	if len(payload) < 126 {
		return append([]byte{first, byte(len(payload))}, payload...)
	}
	head := binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(len(payload)))
	return append(head, payload...)
}

// stamper writes the stamps of a stream: UTC in microseconds, each later than the one before.
type stamper struct {
	last   int64 // microseconds since the epoch
	second int64
	text   [len(stampLayout)]byte
}

// stamp writes the stamps of n messages of size bytes, the first at offset. The last stamp is now, unless the one before
// is too near, so that none is in the future of a message that is sent at once.
func (s *stamper) stamp(batch []byte, offset, size, n int) {
	now := time.Now().UnixMicro()
	for i := range n {
		s.last = max(s.last+1, now-int64(n-1-i))
		copy(batch[offset+i*size:], s.format())
	}
}

func (s *stamper) format() []byte {
	if second := s.last / 1e6; second != s.second {
		s.second = second
		time.Unix(second, 0).UTC().AppendFormat(s.text[:0], stampLayout)
	}
	fraction := s.last % 1e6
	for i := len(s.text) - 1; s.text[i] != '.'; i-- {
		s.text[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	return s.text[:]
}
