package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/plan-load/xk6-sse/eventstream"
)

// Kind says how a stream ended.
type Kind string

// The kinds of an Error.
const (
	KindEnd         Kind = "end"          // the server ended the response properly
	KindStatus      Kind = "status"       // the response's status was not 200, or it redirects to what is no http(s) URL
	KindContentType Kind = "content-type" // the response was not text/event-stream
	KindReset       Kind = "reset"        // the connection broke or the response was cut short
	KindTimeout     Kind = "timeout"      // one of the Timeouts passed
	KindConnect     Kind = "connect"      // no connection: bad URL, DNS, dial, TLS
	KindTooLong     Kind = "too-long"     // a line or an event was longer than the limit
	KindClosed      Kind = "closed"       // the caller closed the stream or its context
)

// isTransient says whether another connection may fare better. The standard has status and content type fail for good.
func (k Kind) isTransient() bool {
	return k == KindEnd || k == KindReset || k == KindConnect || k == KindTimeout
}

// Error is what ended a stream or kept it from opening; every error of this package is one.
type Error struct {
	Kind    Kind
	Message string
	// Status is the status of the response, or 0 if there was none, or one that redirects to no URL of http or https.
	Status int
	// Code is the code of the close frame that ended a WebSocket; else 0.
	Code int
	// Proto, such as "HTTP/1.1", Header and Body, the first 64 KiB of it, are of a response that was not an event stream.
	Proto  string
	Header http.Header
	Body   string
}

// IsAnswer says whether a server answered, only not with an event stream.
func (e *Error) IsAnswer() bool {
	return e.Kind == KindStatus || e.Kind == KindContentType
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s", e.Kind, e.Message)
}

func timeoutError(name string, limit time.Duration) *Error {
	return &Error{Kind: KindTimeout, Message: fmt.Sprintf("the %s time-out of %v passed", name, limit)}
}

var errClosed = &Error{Kind: KindClosed, Message: "the stream was closed by its owner"}

// ended is the error of a context that is done: the cause it was cancelled with, if that is one of this package's.
func ended(ctx context.Context) *Error {
	var cause *Error
	if errors.As(context.Cause(ctx), &cause) {
		return cause
	}
	return errClosed
}

// IsOver says whether ctx is done or its deadline has passed: a connection with the same deadline may fail a moment
// before ctx is done.
func IsOver(ctx context.Context) bool {
	deadline, hasDeadline := ctx.Deadline()
	return ctx.Err() != nil || hasDeadline && !time.Now().Before(deadline)
}

// requestError explains a request that got no response.
func requestError(ctx context.Context, err error, connected bool) *Error {
	if IsOver(ctx) {
		return ended(ctx)
	}
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err
	}
	if connected && isBadRedirect(err) {
		return &Error{Kind: KindStatus, Message: "the server redirects to no URL of http or https: " + err.Error()}
	}
	if !connected {
		return &Error{Kind: KindConnect, Message: err.Error()}
	}
	return &Error{Kind: KindReset, Message: "the connection broke before the response: " + err.Error()}
}

// isBadRedirect says whether a request that had a connection failed because of where it was redirected to. net/http has
// no types for it. A guard around the transport would need none, but was measured to cost 5 KiB of each idle stream.
func isBadRedirect(err error) bool {
	for _, beginning := range []string{
		"failed to parse Location header", "unsupported protocol scheme", "http: no Host in request URL",
	} {
		if strings.HasPrefix(err.Error(), beginning) {
			return true
		}
	}
	return false
}

// readError explains the end of an open stream.
func readError(ctx context.Context, err error) *Error {
	switch {
	case errors.Is(err, eventstream.ErrLineTooLong), errors.Is(err, eventstream.ErrEventTooLong):
		return &Error{Kind: KindTooLong, Message: err.Error()}
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(err, io.EOF):
		return &Error{Kind: KindEnd, Message: "the server ended the stream"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Kind: KindReset, Message: "the response was cut short"}
	default:
		return &Error{Kind: KindReset, Message: "the connection broke: " + err.Error()}
	}
}
