package k6sse

import (
	"context"
	"sync"
	"time"

	"github.com/plan-load/xk6-sse/client"
)

const (
	// maxQueued is how many deliveries may wait for the event loop, and maxQueuedBytes how much data, before the last of
	// them. When there is as much, the read goroutine waits, and with it, by TCP's flow control, the server. What the event
	// loop has taken and not yet delivered, as much again at most, is not counted.
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

	batch     []delivery // taken from the queue; of the event loop only
	delivered int        // of the batch

	mu       sync.Mutex
	callback func(func() error) // registered and not used; nil while a run is due
	queue    []delivery
	bytes    int // of data in the queue
	spare    []delivery
	room     chan struct{} // tells the read goroutine that the queue was emptied
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
	if len(p.queue) >= maxQueued || p.bytes >= maxQueuedBytes {
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

// run delivers, on the event loop, what is queued at its start, as far as its turn lasts. The rest, and what comes
// meanwhile, waits for the next run. An error does not keep the later deliveries back: it is up to deliver to ignore
// them.
func (p *pump) run() error {
	if p.delivered == len(p.batch) {
		p.batch, p.delivered = p.take(), 0
	}
	first := p.delivered
	begun := time.Now()
	var failure error
	for now := begun; p.delivered < len(p.batch) && now.Sub(begun) < maxTurn; now = time.Now() {
		if err := p.deliver(p.batch[p.delivered], now); err != nil && failure == nil {
			failure = err
		}
		p.delivered++
	}
	isEnd := p.batch[p.delivered-1].ended != nil
	clear(p.batch[first:p.delivered])
	if !isEnd {
		p.rearm()
	}
	return failure
}

func (p *pump) take() []delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch := p.queue
	p.queue, p.spare, p.bytes = p.spare, nil, 0
	select {
	case p.room <- struct{}{}:
	default:
	}
	return batch
}

// rearm registers the next run, for what of the batch is not delivered and what came meanwhile.
func (p *pump) rearm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	hasRest := p.delivered < len(p.batch)
	if !hasRest {
		if cap(p.batch) <= maxSpare {
			p.spare = p.batch[:0]
		}
		p.batch, p.delivered = nil, 0
	}
	p.callback = p.register()
	if hasRest || len(p.queue) > 0 {
		p.wake()
	}
}
