// Package k6sse is the JavaScript module k6/x/sse: server-sent events for k6 scripts.
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
	metrics, err := registerMetrics(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	i := &instance{vu: vu, metrics: metrics}
	i.eventSource = i.newClass()
	return i
}

// instance is the module as one virtual user sees it.
type instance struct {
	vu          modules.VU
	metrics     *sseMetrics
	eventSource *sobek.Object
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{"EventSource": i.eventSource}}
}

func (i *instance) newClass() *sobek.Object {
	rt := i.vu.Runtime()
	class := rt.ToValue(i.construct).ToObject(rt)
	for name, state := range map[string]readyState{"CONNECTING": connecting, "OPEN": open, "CLOSED": closed} {
		for _, object := range []*sobek.Object{class, class.Get("prototype").ToObject(rt)} {
			readOnly(object, name, rt.ToValue(int(state)))
		}
	}
	return class
}

func (i *instance) construct(call sobek.ConstructorCall) *sobek.Object {
	rt := i.vu.Runtime()
	state := i.vu.State()
	if state == nil {
		common.Throw(rt, common.NewInitContextError("an EventSource cannot be constructed in the init context"))
	}
	address, err := parseURL(call.Argument(0))
	if err != nil {
		panic(rt.NewTypeError("%s", err.Error()))
	}
	params, err := parseParams(rt, state, call.Argument(1))
	if err != nil {
		panic(rt.NewTypeError("%s", err.Error()))
	}
	params.request.URL = address.String()
	i.start(call.This, address, params)
	return nil
}

// readOnly defines a read-only property. It fails only on objects that scripts have frozen, and these are new.
func readOnly(object *sobek.Object, name string, value sobek.Value) {
	_ = object.DefineDataProperty(name, value, sobek.FLAG_FALSE, sobek.FLAG_FALSE, sobek.FLAG_TRUE)
}
