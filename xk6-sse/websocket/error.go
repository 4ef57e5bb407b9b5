package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/plan-load/xk6-sse/client"
)

// errNotUTF8 ends a stream as RFC 6455, section 8.1, has it.
var errNotUTF8 = errors.New("a text message is no UTF-8")

// codeOf returns the close code that tells the peer of the error that ends an open stream.
func codeOf(err error) int {
	if errors.Is(err, errNotUTF8) {
		return websocket.CloseInvalidFramePayloadData
	}
	return websocket.CloseNormalClosure
}

// handshakeError explains a handshake that failed. isLate: its time had passed, whatever the dialer makes of the part of
// an answer that it has.
func handshakeError(ctx context.Context, response *http.Response, connected, isLate bool, err error) *client.Error {
	var timeout net.Error
	switch {
	case client.IsOver(ctx):
		return &client.Error{Kind: client.KindClosed, Message: "the stream was closed by its owner"}
	case errors.Is(err, websocket.ErrBadHandshake) && response != nil:
		return refusal(response)
	case isLate, errors.As(err, &timeout) && timeout.Timeout():
		return &client.Error{Kind: client.KindTimeout, Message: "the connect time-out passed"}
	case connected:
		return &client.Error{Kind: client.KindReset, Message: "the connection broke before the response: " + err.Error()}
	default:
		return &client.Error{Kind: client.KindConnect, Message: err.Error()}
	}
}

func refusal(response *http.Response) *client.Error {
	body, _ := io.ReadAll(response.Body) // the 1 KiB of it that gorilla has read
	return &client.Error{
		Kind:    client.KindStatus,
		Status:  response.StatusCode,
		Message: "the server answered with status " + response.Status,
		Body:    string(body),
	}
}

// readError explains the end of an open stream.
func readError(closed bool, err error) *client.Error {
	var farewell *websocket.CloseError
	switch {
	case closed:
		return &client.Error{Kind: client.KindClosed, Message: "the stream was closed by its owner"}
	case errors.As(err, &farewell) && farewell.Code != websocket.CloseAbnormalClosure:
		return &client.Error{Kind: client.KindEnd, Code: farewell.Code, Message: fmt.Sprintf("closed with %d", farewell.Code)}
	case errors.Is(err, websocket.ErrReadLimit):
		return &client.Error{Kind: client.KindTooLong, Message: "a message is longer than the limit"}
	case errors.Is(err, errNotUTF8):
		return &client.Error{Kind: client.KindReset, Message: "the connection was failed: " + err.Error()}
	default:
		return &client.Error{Kind: client.KindReset, Message: "the connection broke: " + err.Error()}
	}
}
