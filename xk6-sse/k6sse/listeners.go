package k6sse

import (
	"slices"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
)

// handler is a function of the script's.
type handler struct {
	function sobek.Value
	call     sobek.Callable
	once     bool // it is removed when it is called
}

// listeners are the handlers of a source: one a type in its on* properties, any number by addEventListener.
type listeners struct {
	on    map[string]handler
	added map[string][]handler
}

func newListeners() *listeners {
	return &listeners{on: map[string]handler{}, added: map[string][]handler{}}
}

// add ignores a function that is there already, as the DOM does.
func (l *listeners) add(eventType string, h handler) {
	if l.index(eventType, h.function) < 0 {
		// A copy, because a dispatch may be going through the old one.
		l.added[eventType] = append(slices.Clip(l.added[eventType]), h)
	}
}

func (l *listeners) remove(eventType string, function sobek.Value) {
	if i := l.index(eventType, function); i >= 0 {
		l.added[eventType] = slices.Delete(slices.Clone(l.added[eventType]), i, i+1)
	}
}

func (l *listeners) index(eventType string, function sobek.Value) int {
	return slices.IndexFunc(l.added[eventType], func(h handler) bool { return h.function.SameAs(function) })
}

// set replaces the handler of an on* property; null and undefined remove it.
func (l *listeners) set(rt *sobek.Runtime, eventType string, value sobek.Value) {
	if common.IsNullish(value) {
		delete(l.on, eventType)
		return
	}
	l.on[eventType] = newHandler(rt, "on"+eventType, value)
}

func (l *listeners) get(eventType string) sobek.Value {
	if h, isSet := l.on[eventType]; isSet {
		return h.function
	}
	return sobek.Null()
}

// newHandler throws if value is not a function.
func newHandler(rt *sobek.Runtime, what string, value sobek.Value) handler {
	call, isFunction := sobek.AssertFunction(value)
	if !isFunction {
		panic(rt.NewTypeError("%s must be a function", what))
	}
	return handler{function: value, call: call}
}
