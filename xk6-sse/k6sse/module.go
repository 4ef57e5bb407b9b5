// Package k6sse is the JavaScript module k6/x/sse: server-sent events for k6 scripts, and WebSockets received in the same
// way.
package k6sse

import (
	"errors"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/metrics"
)

func init() {
	modules.Register("k6/x/sse", New())
}

// RootModule makes the module for every virtual user.
type RootModule struct{}

var _ modules.Module = (*RootModule)(nil)

// New returns the module.
func New() *RootModule {
	return &RootModule{}
}

// NewModuleInstance implements modules.Module.
func (*RootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	i := &instance{vu: vu}
	if err := i.registerMetrics(vu.InitEnv().Registry); err != nil {
		common.Throw(vu.Runtime(), err)
	}
	i.exports = map[string]any{
		"EventSource":     i.newClass("EventSource", i.newEventSource),
		"WebSocketSource": i.newClass("WebSocketSource", i.newWebSocketSource),
		"open":            i.open,
	}
	return i
}

// instance is the module as one virtual user sees it.
type instance struct {
	vu                    modules.VU
	sseMetrics, wsMetrics *streamMetrics
	openEvents            *metrics.Metric // sse_event: the events of sse.open
	exports               map[string]any
}

func (i *instance) registerMetrics(registry *metrics.Registry) error {
	var failures [3]error
	i.sseMetrics, failures[0] = registerMetrics(registry, sseNames)
	i.wsMetrics, failures[1] = registerMetrics(registry, wsNames)
	i.openEvents, failures[2] = registry.NewMetric("sse_event", metrics.Counter)
	return errors.Join(failures[:]...)
}

// Exports implements modules.Instance. k6 makes the default export an object of what is exported by name.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: i.exports}
}

func (i *instance) newClass(name string, construct func(sobek.ConstructorCall) *sobek.Object) *sobek.Object {
	rt := i.vu.Runtime()
	class := rt.ToValue(construct).ToObject(rt)
	_ = class.DefineDataProperty("name", rt.ToValue(name), sobek.FLAG_FALSE, sobek.FLAG_TRUE, sobek.FLAG_FALSE)
	defineMembers(rt, class.Get("prototype").ToObject(rt))
	for name, state := range map[string]readyState{"CONNECTING": connecting, "OPEN": open, "CLOSED": closed} {
		for _, object := range []*sobek.Object{class, class.Get("prototype").ToObject(rt)} {
			readOnly(object, name, rt.ToValue(int(state)))
		}
	}
	return class
}

// readOnly defines a read-only property. It fails only on objects that scripts have frozen, and these are new.
func readOnly(object *sobek.Object, name string, value sobek.Value) {
	_ = object.DefineDataProperty(name, value, sobek.FLAG_FALSE, sobek.FLAG_FALSE, sobek.FLAG_TRUE)
}
