package k6sse

import (
	"context"
	"sync"
	"time"

	"github.com/plan-load/xk6-sse/client"
)

const (
	// maxQueued is how many deliveries may wait for the event loop, and maxQueuedBytes how much data, before the last of
	// them. When there is as much, the read goroutine waits, and with it, by TCP's flow control, the server.
	maxQueued      = 1024
	maxQueuedBytes = 1 << 20
	// maxTurn is how long a run delivers when the script is slow: then timers and other streams have their turn.
	maxTurn = 10 * time.Millisecond
	// maxSpare is the capacity up to which an emptied batch is kept for reuse, so that the memory of a burst is freed.
	maxSpare = 64
)

// delivery is what the read goroutine has for the script: the opening of the stream, an end after which it is opened
// again, its last end, or else an event. The event's Received is the time of any of them.
type delivery struct {
	opened      *opening
	interrupted *client.Error
	ended       *client.Error
	event       client.Event
}

// opening is what is known of a stream once it is open.
type opening struct {
	status int
	origin string
	proto  string
	took   time.Duration
	stream *client.Stream // nil of a WebSocket
}

// pump takes deliveries from the read goroutine to the event loop. It holds one registered callback at any time until
// the end is delivered, which keeps the iteration going, and completes it when there is something to deliver.
type pump struct {
	register func() func(func() error)
	deliver  func(d delivery, now time.Time) error // run on the event loop

	mu       sync.Mutex
	callback func(func() error) // registered and not used; nil while a run is due
	queue    []delivery
	bytes    int // of data in the queue
	left     int // how many deliveries the last turn has left, and their data
	leftData int
	spare    []delivery
	room     chan struct{} // tells the read goroutine that the queue was emptied

	rest []delivery // what the last turn has left; of the event loop
}

// newPump registers the first callback, so it must be called on the event loop.
func newPump(register func() func(func() error), deliver func(delivery, time.Time) error) *pump {
	return &pump{register: register, deliver: deliver, callback: register(), room: make(chan struct{}, 1)}
}

// put queues a delivery as soon as there is room for it, and returns how long that took; once ctx is done it drops one
// that has to wait. It and end are for the one read goroutine.
func (p *pump) put(ctx context.Context, d delivery) (held time.Duration) {
	if p.tryPut(d) {
		return 0
	}
	full := time.Now()
	for !p.tryPut(d) {
		select {
		case <-p.room:
		case <-ctx.Done():
			return time.Since(full)
		}
	}
	return time.Since(full)
}

func (p *pump) tryPut(d delivery) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue)+p.left >= maxQueued || p.bytes+p.leftData >= maxQueuedBytes {
		return false
	}
	p.enqueue(d)
	return true
}

// end queues the last delivery, room or not.
func (p *pump) end(d delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.enqueue(d)
}

func (p *pump) enqueue(d delivery) {
	p.queue = append(p.queue, d)
	p.bytes += len(d.event.Data)
	p.wake()
}

func (p *pump) wake() {
	if p.callback != nil {
		p.callback(p.run)
		p.callback = nil
	}
}

// run delivers, on the event loop, what the last turn has left or else what is queued, as far as its turn lasts. What
// comes meanwhile waits for the next run. An error does not keep the later deliveries back: it is up to deliver to
// ignore them.
func (p *pump) run() error {
	batch := p.rest
	if len(batch) == 0 {
		batch = p.take()
	}
	begun := time.Now()
	var failure error
	delivered := 0
	for now := begun; delivered < len(batch) && now.Sub(begun) < maxTurn; now = time.Now() {
		if err := p.deliver(batch[delivered], now); err != nil && failure == nil {
			failure = err
		}
		delivered++
	}
	if delivered < len(batch) || batch[len(batch)-1].ended == nil {
		p.rearm(batch, delivered)
	}
	return failure
}

func (p *pump) take() []delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch := p.queue
	p.queue, p.spare, p.bytes = p.spare, nil, 0
	p.tellRoom()
	return batch
}

func (p *pump) tellRoom() {
	select {
	case p.room <- struct{}{}:
	default:
	}
}

// rearm registers the next run, for what of the batch is not delivered and what came meanwhile.
func (p *pump) rearm(batch []delivery, delivered int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(batch[:delivered])
	p.rest = batch[delivered:]
	p.left, p.leftData = len(p.rest), 0
	for _, d := range p.rest {
		p.leftData += len(d.event.Data)
	}
	p.tellRoom()
	if p.left == 0 {
		p.rest = nil // an empty one would hold the memory of the whole batch
		if cap(batch) <= maxSpare {
			p.spare = batch[:0]
		}
	}
	p.callback = p.register()
	if p.left > 0 || len(p.queue) > 0 {
		p.wake()
	}
}
