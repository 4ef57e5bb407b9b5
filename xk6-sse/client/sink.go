package client

import "time"

// Sink takes events on the goroutine that reads a stream, before they wait for anything.
type Sink interface {
	// Opened is told when the stream is open, and again when it was opened anew.
	Opened(at time.Time)
	// TakeEvent returns whether it has taken the event: then nobody else is told of it.
	TakeEvent(event *Event) bool
}
