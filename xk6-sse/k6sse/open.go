package k6sse

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/plan-load/xk6-sse/client"
)

// open is sse.open(url, params?, setup), the API of github.com/phymbert/xk6-sse: it blocks the event loop until the
// stream ends.
func (i *instance) open(address sobek.Value, rest ...sobek.Value) (*openResponse, error) {
	rt := i.vu.Runtime()
	settings := i.newStreamSettings("sse.open")
	args, setup, err := i.parseOpen(settings, rest)
	if err != nil {
		panic(rt.NewTypeError("%s", err.Error()))
	}
	c := newBlockingClient(rt, setup, address.String())
	if args.address, err = parseURL("sse.open", []string{"http", "https"}, address); err != nil {
		c.fail(&client.Error{Kind: client.KindConnect, Message: err.Error()})
	} else {
		i.receive(c, settings, args)
	}
	return c.result(i.vu.State().Options.Throw.Bool)
}

// parseOpen reads the arguments after the URL. Unlike a constructor it ignores params that it does not know, as the
// original does.
func (i *instance) parseOpen(s *streamSettings, rest []sobek.Value) (*arguments, sobek.Callable, error) {
	if len(rest) == 0 || len(rest) > 2 {
		return nil, nil, errors.New("invalid number of arguments to sse.open")
	}
	setup, isFunction := sobek.AssertFunction(rest[len(rest)-1])
	if !isFunction {
		return nil, nil, errors.New("last argument to sse.open must be a function")
	}
	args := &arguments{tags: i.vu.State().Tags.GetCurrentValues()}
	if len(rest) == 1 {
		return args, setup, nil
	}
	rt := i.vu.Runtime()
	known := args.withShared(rt, s.setters(rt, "sse.open"))
	known["timeout"] = durationInto("timeout", &s.request.Total)
	return args, setup, eachKey(rt, "sse.open params", rest[0], func(key string, value sobek.Value) error {
		if set, isKnown := known[key]; isKnown {
			return set(value)
		}
		return nil
	})
}

// receive receives the stream on the event loop.
func (i *instance) receive(c *blockingClient, settings *streamSettings, args *arguments) {
	ctx, cancel := context.WithCancel(i.vu.Context())
	defer cancel()
	connect := settings.connect(args)
	session := i.newSession(i.sseMetrics, args)
	session.meter.alsoEvents = i.openEvents
	session.outlet, session.connector = c, connect(session.traceAddress(ctx))
	c.cancel, c.meter = cancel, session.meter
	session.run(ctx)
}

// openResponse is what sse.open returns.
type openResponse struct {
	URL     string            `js:"url"`
	Status  int               `js:"status"`
	Headers map[string]string `js:"headers"`
	Body    string            `js:"body"`
	Error   string            `js:"error"`
}

// blockingClient is the client that sse.open hands to its setup function, and the outlet of its session.
type blockingClient struct {
	rt       *sobek.Runtime
	setup    sobek.Callable // nil once it was called
	handlers map[string][]sobek.Callable
	cancel   context.CancelFunc
	meter    *meter
	stream   *client.Stream
	response *openResponse
	failure  *client.Error // of the stream
	thrown   error         // by the script
	isClosed bool
}

func newBlockingClient(rt *sobek.Runtime, setup sobek.Callable, address string) *blockingClient {
	return &blockingClient{
		rt: rt, setup: setup, handlers: map[string][]sobek.Callable{}, cancel: func() {},
		response: &openResponse{URL: address, Headers: map[string]string{}},
	}
}

// On adds a handler of "open", "event" or "error"; what is no function is ignored.
func (c *blockingClient) On(event string, handler sobek.Value) {
	if call, isFunction := sobek.AssertFunction(handler); isFunction {
		c.handlers[event] = append(c.handlers[event], call)
	}
}

// Close ends the stream. No handler is called afterwards.
func (c *blockingClient) Close() {
	c.isClosed = true
	c.cancel()
}

func (c *blockingClient) put(_ context.Context, d delivery) (held time.Duration) {
	begun := time.Now()
	switch {
	case d.opened != nil:
		c.stream = d.opened.stream
		c.response.answer(c.stream.URL.String(), d.opened.status, c.stream.Header)
		c.callSetup()
		c.handle("open")
	case d.interrupted != nil:
		c.handle("error", c.errorObject(d.interrupted))
	default:
		c.meter.eventHandedOver(time.Since(d.event.Received))
		c.handle("event", c.eventObject(d.event))
	}
	return time.Since(begun)
}

func (c *blockingClient) end(d delivery) {
	c.meter.end()
	if d.ended.Kind != client.KindEnd && d.ended.Kind != client.KindClosed {
		c.fail(d.ended)
	}
}

// fail is the end of a stream that broke or never opened. The setup function is called even then, so that the script
// hears of it.
func (c *blockingClient) fail(failure *client.Error) {
	c.failure = failure
	if c.stream == nil {
		c.response.answer(c.response.URL, failure.Status, failure.Header)
	}
	c.response.Body, c.response.Error = failure.Body, failure.Error()
	c.callSetup()
	c.handle("error", c.errorObject(failure))
}

// result is what sse.open returns or throws. As k6/http it throws, if it is to, only where there is no whole answer.
func (c *blockingClient) result(throws bool) (*openResponse, error) {
	switch {
	case c.thrown != nil:
		return nil, c.thrown
	case throws && c.failure != nil && !c.failure.IsAnswer():
		return nil, c.failure
	default:
		return c.response, nil
	}
}

func (c *blockingClient) callSetup() {
	if setup := c.setup; setup != nil {
		c.setup = nil
		c.call(setup, c.rt.ToValue(c))
	}
}

func (c *blockingClient) handle(event string, args ...sobek.Value) {
	for _, handler := range c.handlers[event] {
		c.call(handler, args...)
	}
}

// call calls a function of the script's, unless the stream is closed. An exception closes it.
func (c *blockingClient) call(function sobek.Callable, args ...sobek.Value) {
	if c.isClosed {
		return
	}
	if _, err := function(sobek.Undefined(), args...); err != nil {
		c.thrown = err
		c.Close()
	}
}

func (c *blockingClient) eventObject(event client.Event) sobek.Value {
	block := c.stream.Block()
	return c.object(map[string]any{"id": block.ID, "name": block.Name, "data": event.Data, "comment": block.Comment})
}

func (c *blockingClient) errorObject(failure *client.Error) sobek.Value {
	return c.object(map[string]any{
		"error": failure.Error, "kind": string(failure.Kind), "message": failure.Message, "status": failure.Status,
	})
}

// object returns a new object, whose properties can all be set.
func (c *blockingClient) object(properties map[string]any) *sobek.Object {
	object := c.rt.NewObject()
	for name, value := range properties {
		_ = object.Set(name, value)
	}
	return object
}

func (r *openResponse) answer(address string, status int, header map[string][]string) {
	r.URL, r.Status = address, status
	for name, values := range header {
		r.Headers[name] = strings.Join(values, ", ")
	}
}
