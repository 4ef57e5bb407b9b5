package k6sse

import (
	"slices"

	"github.com/grafana/sobek"

	"github.com/plan-load/xk6-sse/client"
)

// messageEvent is an event of the stream as a script sees it. What a script does not look at costs nothing.
type messageEvent struct {
	source *source
	event  client.Event
}

var messageKeys = []string{"type", "timestamp", "data", "lastEventId", "origin"}

var _ sobek.DynamicObject = (*messageEvent)(nil)

// Get implements sobek.DynamicObject.
func (m *messageEvent) Get(key string) sobek.Value {
	rt := m.source.rt
	switch key {
	case "type":
		return rt.ToValue(m.event.Type)
	case "timestamp":
		return rt.ToValue(timestampOf(m.event.Received))
	case "data":
		return rt.ToValue(m.event.Data)
	case "lastEventId":
		return rt.ToValue(m.event.LastEventID)
	case "origin":
		return rt.ToValue(m.source.origin)
	default:
		return nil
	}
}

// Has implements sobek.DynamicObject.
func (m *messageEvent) Has(key string) bool { return slices.Contains(messageKeys, key) }

// Keys implements sobek.DynamicObject.
func (m *messageEvent) Keys() []string { return messageKeys }

// Set implements sobek.DynamicObject: an event is read-only.
func (m *messageEvent) Set(string, sobek.Value) bool { return false }

// Delete implements sobek.DynamicObject.
func (m *messageEvent) Delete(string) bool { return false }
