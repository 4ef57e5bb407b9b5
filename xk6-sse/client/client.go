// Package client receives server-sent events over HTTP.
package client

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

const (
	mediaType    = "text/event-stream"
	maxErrorBody = 64 << 10
	// errorBodyWait bounds the wait for the body of a refusal, which may be a stream that never ends.
	errorBodyWait = 2 * time.Second
)

// Request says what to open.
type Request struct {
	URL string
	// Method is GET unless set.
	Method string
	// Header is sent as it is, except that Accept and Cache-Control are set if they are not there.
	Header http.Header
	Body   string
	Timeouts
	// MaxLineBytes limits a line of the stream; 0 means eventstream.DefaultMaxLine.
	MaxLineBytes int
	// MaxEventBytes limits the data of an event; 0 means eventstream.DefaultMaxEvent.
	MaxEventBytes int
	// LastEventID, unless empty, tells the server which event the stream continues after.
	LastEventID string
}

// Timeouts limits waiting; each 0 means no limit.
type Timeouts struct {
	// Connect is the time from Open to the head of the response.
	Connect time.Duration
	// FirstEvent is the time from the head of the response to the first event.
	FirstEvent time.Duration
	// Idle is the time without an event, also before the first one if FirstEvent is 0. Comments are no events.
	// The time the caller takes between two calls of Next does not count.
	Idle time.Duration
	// Total is the time from Open to the end of the stream.
	Total time.Duration
}

// Open sends the request and returns the stream once the response's head says that it is one.
// The stream ends with ctx at the latest. An error is always an *Error.
func Open(ctx context.Context, httpClient *http.Client, request Request) (*Stream, error) {
	begin := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	stopTotal := cancelAfter(cancel, request.Total, "total")
	response, err := connect(ctx, cancel, httpClient, request)
	if err != nil {
		cancel(err)
		stopTotal()
		return nil, err
	}
	stream := newStream(ctx, cancel, stopTotal, response, request)
	stream.Connecting = time.Since(begin)
	return stream, nil
}

// connect returns the response if it is an event stream.
func connect(
	ctx context.Context, cancel context.CancelCauseFunc, httpClient *http.Client, request Request,
) (*http.Response, error) {
	defer cancelAfter(cancel, request.Connect, "connect")()
	var connected atomic.Bool
	httpRequest, err := newHTTPRequest(traceConnection(ctx, &connected), request)
	if err != nil {
		return nil, &Error{Kind: KindConnect, Message: err.Error()}
	}
	response, err := httpClient.Do(httpRequest)
	if err != nil && response != nil { // a redirect that is not followed; its body is closed
		return nil, &Error{
			Kind: KindStatus, Status: response.StatusCode, Proto: response.Proto, Header: response.Header, Message: err.Error(),
		}
	}
	if err != nil {
		return nil, requestError(ctx, err, connected.Load())
	}
	if refusal := refusalOf(response); refusal != nil {
		refusal.Body = readErrorBody(cancel, response)
		return nil, refusal
	}
	return response, nil
}

// traceConnection has connected tell whether the request has a connection or still waits for one.
func traceConnection(ctx context.Context, connected *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
}

func newHTTPRequest(ctx context.Context, request Request) (*http.Request, error) {
	var body io.Reader
	if request.Body != "" {
		body = strings.NewReader(request.Body)
	}
	httpRequest, err := http.NewRequestWithContext(ctx, request.Method, request.URL, body)
	if err != nil {
		return nil, err
	}
	if request.Header != nil {
		httpRequest.Header = request.Header.Clone()
	}
	httpRequest.Host = httpRequest.Header.Get("Host")
	if request.LastEventID != "" {
		httpRequest.Header.Set("Last-Event-ID", request.LastEventID)
	}
	setDefault(httpRequest.Header, "Accept", mediaType)
	setDefault(httpRequest.Header, "Cache-Control", "no-store")
	return httpRequest, nil
}

func setDefault(header http.Header, name, value string) {
	if header.Get(name) == "" {
		header.Set(name, value)
	}
}

// refusalOf returns why the response is no event stream, or nil if it is one.
func refusalOf(response *http.Response) *Error {
	refusal := &Error{Status: response.StatusCode, Proto: response.Proto, Header: response.Header}
	contentType := response.Header.Get("Content-Type")
	received, _, _ := mime.ParseMediaType(contentType)
	encoding := response.Header.Get("Content-Encoding")
	switch {
	case response.StatusCode != http.StatusOK:
		refusal.Kind = KindStatus
		refusal.Message = "the server answered with status " + response.Status
	case received != mediaType:
		refusal.Kind = KindContentType
		refusal.Message = fmt.Sprintf("the server answered with content type %q in place of %s", contentType, mediaType)
	case !canDecode(encoding):
		refusal.Kind = KindContentType
		refusal.Message = fmt.Sprintf("the server answered with content encoding %q, which is not supported", encoding)
	default:
		return nil
	}
	return refusal
}

func readErrorBody(cancel context.CancelCauseFunc, response *http.Response) string {
	defer func() { _ = response.Body.Close() }()
	defer time.AfterFunc(errorBodyWait, func() { cancel(nil) }).Stop()
	body := decode(response.Body, response.Header.Get("Content-Encoding"))
	content, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	return string(content)
}

// cancelAfter cancels with a timeout error once limit, unless it is 0, has passed before stop is called.
func cancelAfter(cancel context.CancelCauseFunc, limit time.Duration, name string) (stop func() bool) {
	if limit == 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(limit, func() { cancel(timeoutError(name, limit)) }).Stop
}
