// Package k6sse is the JavaScript module k6/x/sse: server-sent events for k6 scripts, and WebSockets received in the same
// way.
package k6sse

import (
	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
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
	var err error
	if i.sseMetrics, err = registerMetrics(vu.InitEnv().Registry, sseNames); err == nil {
		i.wsMetrics, err = registerMetrics(vu.InitEnv().Registry, wsNames)
	}
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	i.classes = map[string]any{
		"EventSource":     i.newClass(i.newEventSource),
		"WebSocketSource": i.newClass(i.newWebSocketSource),
	}
	return i
}

// instance is the module as one virtual user sees it.
type instance struct {
	vu                    modules.VU
	sseMetrics, wsMetrics *streamMetrics
	classes               map[string]any
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: i.classes}
}

func (i *instance) newClass(construct func(sobek.ConstructorCall) *sobek.Object) *sobek.Object {
	rt := i.vu.Runtime()
	class := rt.ToValue(construct).ToObject(rt)
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
