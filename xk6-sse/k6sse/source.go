package k6sse

import (
	"context"
	"net/url"
	"time"

	"github.com/grafana/sobek"

	"github.com/plan-load/xk6-sse/client"
)

type readyState int

const (
	connecting readyState = iota
	open
	closed
)

const (
	typeOpen    = "open"
	typeMessage = "message"
	typeError   = "error"
)

// source is the Go side of an EventSource or WebSocketSource object. All of it is used on the event loop only.
type source struct {
	rt        *sobek.Runtime
	object    *sobek.Object
	ctx       context.Context    // of the iteration: no script may run after it
	cancel    context.CancelFunc // ends the stream
	listeners *listeners
	meter     *meter
	gate      *gate
	state     readyState
	silenced  bool // by close() or an exception: no handler is called any more
	origin    string
}

// start makes this the source of a new stream and starts to receive it.
func (i *instance) start(
	this *sobek.Object, metrics *streamMetrics, args *arguments, connect func(context.Context) connector,
) {
	ctx, cancel := context.WithCancel(i.vu.Context())
	session := i.newSession(metrics, args)
	s := &source{
		rt: i.vu.Runtime(), object: this, ctx: i.vu.Context(), cancel: cancel, listeners: newListeners(),
		meter: session.meter, gate: session.gate,
	}
	s.define(args.address)
	session.outlet = newPump(i.vu.RegisterCallback, s.deliver)
	session.connector = connect(session.traceAddress(ctx))
	go session.run(ctx)
}

// ofSource is the property in which an object keeps its source, out of the script's sight.
var ofSource = sobek.NewSymbol("source")

func (s *source) define(address *url.URL) {
	readOnly(s.object, "url", s.rt.ToValue(address.String()))
	_ = s.object.DefineDataPropertySymbol(ofSource, s.rt.ToValue(s), sobek.FLAG_FALSE, sobek.FLAG_FALSE, sobek.FLAG_FALSE)
}

// sourceOf returns the source of the object that a method is called on, and throws if it is none.
func sourceOf(rt *sobek.Runtime, this sobek.Value) *source {
	if object, isObject := this.(*sobek.Object); isObject {
		if kept := object.GetSymbol(ofSource); kept != nil {
			if s, isSource := kept.Export().(*source); isSource {
				return s
			}
		}
	}
	panic(rt.NewTypeError("this is no EventSource and no WebSocketSource"))
}

// defineMembers gives a class's prototype what all its objects share: a function for each of many streams would cost more
// than the streams.
func defineMembers(rt *sobek.Runtime, prototype *sobek.Object) {
	for name, call := range map[string]func(*source, sobek.FunctionCall){
		"addEventListener": func(s *source, call sobek.FunctionCall) {
			s.addEventListener(call.Argument(0).String(), call.Argument(1), call.Argument(2))
		},
		"removeEventListener": func(s *source, call sobek.FunctionCall) {
			s.removeEventListener(call.Argument(0).String(), call.Argument(1))
		},
		"close":  func(s *source, _ sobek.FunctionCall) { s.close() },
		"pause":  func(s *source, _ sobek.FunctionCall) { s.gate.shut() },
		"resume": func(s *source, _ sobek.FunctionCall) { s.gate.open() },
	} {
		readOnly(prototype, name, rt.ToValue(func(c sobek.FunctionCall) sobek.Value {
			call(sourceOf(rt, c.This), c)
			return sobek.Undefined()
		}))
	}
	accessor(rt, prototype, "readyState", func(s *source) sobek.Value { return rt.ToValue(int(s.state)) }, nil)
	for _, eventType := range []string{typeOpen, typeMessage, typeError} {
		accessor(rt, prototype, "on"+eventType,
			func(s *source) sobek.Value { return s.listeners.get(eventType) },
			func(s *source, value sobek.Value) { s.listeners.set(rt, eventType, value) })
	}
}

func accessor(
	rt *sobek.Runtime, prototype *sobek.Object, name string,
	get func(*source) sobek.Value, set func(*source, sobek.Value),
) {
	getter := rt.ToValue(func(c sobek.FunctionCall) sobek.Value { return get(sourceOf(rt, c.This)) })
	var setter sobek.Value
	if set != nil {
		setter = rt.ToValue(func(c sobek.FunctionCall) sobek.Value {
			set(sourceOf(rt, c.This), c.Argument(0))
			return sobek.Undefined()
		})
	}
	_ = prototype.DefineAccessorProperty(name, getter, setter, sobek.FLAG_FALSE, sobek.FLAG_TRUE)
}

// addEventListener takes the options of the DOM that mean something here, and throws on others. capture and passive mean
// nothing to events that pass through no tree and have no default.
func (s *source) addEventListener(eventType string, function, options sobek.Value) {
	h := newHandler(s.rt, "a listener", function)
	if _, isCapture := options.Export().(bool); !isCapture {
		ignored := func(sobek.Value) error { return nil }
		err := setAll(s.rt, "the options of addEventListener", "addEventListener has no option %q", options, setters{
			"once":    func(value sobek.Value) error { h.once = value.ToBoolean(); return nil },
			"capture": ignored,
			"passive": ignored,
		})
		if err != nil {
			panic(s.rt.NewTypeError("%s", err.Error()))
		}
	}
	s.listeners.add(eventType, h)
}

func (s *source) removeEventListener(eventType string, function sobek.Value) {
	s.listeners.remove(eventType, function)
}

func (s *source) close() {
	s.state = closed
	s.silenced = true
	s.cancel()
}

// deliver handles a delivery of the pump. After an exception of a handler the stream is closed.
func (s *source) deliver(d delivery, now time.Time) error {
	if d.ended != nil {
		s.meter.end()
		s.cancel()
	}
	if s.silenced || s.ctx.Err() != nil {
		return nil
	}
	err := s.dispatch(d, now)
	if err != nil {
		s.close()
	}
	return err
}

func (s *source) dispatch(d delivery, now time.Time) error {
	switch {
	case d.opened != nil:
		s.state = open
		s.origin = d.opened.origin
		return s.call(typeOpen, true, s.openEvent(d))
	case d.interrupted != nil:
		s.state = connecting
		return s.call(typeError, true, s.errorEvent(d.interrupted, true, d.event.Received))
	case d.ended != nil:
		s.state = closed
		return s.call(typeError, true, s.errorEvent(d.ended, false, d.event.Received))
	default:
		s.meter.eventHandedOver(now.Sub(d.event.Received))
		return s.call(d.event.Type, d.event.Type == typeMessage, s.messageEvent(d.event))
	}
}

// call calls the listeners of eventType with event, and before them the on* handler if toHandler says so.
func (s *source) call(eventType string, toHandler bool, event sobek.Value) error {
	if h, isSet := s.listeners.on[eventType]; isSet && toHandler {
		if _, err := h.call(s.object, event); err != nil {
			return err
		}
	}
	for _, h := range s.listeners.added[eventType] {
		if s.silenced {
			break
		}
		if h.once {
			s.listeners.remove(eventType, h.function)
		}
		if _, err := h.call(s.object, event); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) openEvent(d delivery) *sobek.Object {
	event := s.newEvent(typeOpen, d.event.Received)
	s.set(event, "status", d.opened.status)
	return event
}

func (s *source) messageEvent(e client.Event) *sobek.Object {
	return s.rt.NewDynamicObject(&messageEvent{source: s, event: e})
}

func (s *source) errorEvent(end *client.Error, reconnecting bool, at time.Time) *sobek.Object {
	event := s.newEvent(typeError, at)
	s.set(event, "kind", string(end.Kind))
	s.set(event, "message", end.Message)
	s.set(event, "status", end.Status)
	s.set(event, "code", end.Code)
	s.set(event, "body", end.Body)
	s.set(event, "reconnecting", reconnecting)
	return event
}

func (s *source) newEvent(eventType string, at time.Time) *sobek.Object {
	event := s.rt.NewObject()
	s.set(event, "type", eventType)
	s.set(event, "timestamp", timestampOf(at))
	return event
}

func timestampOf(at time.Time) float64 {
	return float64(at.UnixNano()) / float64(time.Millisecond)
}

// set sets a property of an object that is new, which cannot fail.
func (s *source) set(object *sobek.Object, name string, value any) {
	_ = object.Set(name, value)
}
