package recorder

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"time"

	"go.k6.io/k6/v2/lib"
)

// closingTime is what sockets have for an orderly end after their virtual user was interrupted.
const closingTime = time.Second

// connections is a dialer that remembers what it dialed, so that it can be closed whatever state it is in. A peer that
// no longer answers would otherwise hold its virtual user, and k6, for good: k6's WebSockets wait for the peer's close
// without a deadline.
type connections struct {
	lib.DialContexter
	mu        sync.Mutex
	iteration int // of the virtual user, counted by its calls of guard
	open      map[*connection]struct{}
}

type connection struct {
	net.Conn
	owner     *connections
	iteration int // that it was dialed in
}

// guard puts a remembering dialer into the state of a virtual user, once, and has the connections of this iteration, and
// of those before it, closed after the iteration's context is done.
func guard(ctx context.Context, state *lib.State) *connections {
	guarded, ok := state.Dialer.(*connections)
	if !ok {
		guarded = &connections{DialContexter: state.Dialer, open: map[*connection]struct{}{}}
		state.Dialer = guarded
	}
	iteration := guarded.nextIteration()
	go func() {
		<-ctx.Done()
		time.Sleep(closingTime) // the virtual user's next iteration may have begun
		guarded.closeUpTo(iteration)
	}()
	return guarded
}

func (c *connections) nextIteration() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.iteration++
	return c.iteration
}

// DialContext dials, and remembers the connection until it is closed.
func (c *connections) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialed, err := c.DialContexter.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	made := &connection{Conn: dialed, owner: c, iteration: c.iteration}
	c.open[made] = struct{}{}
	return made, nil
}

// ResolveAddr resolves as the dialer beneath does; other parts of k6 ask the dialer for it.
func (c *connections) ResolveAddr(address string) (net.IP, int, error) {
	resolver, ok := c.DialContexter.(lib.AddrResolver)
	if !ok {
		return nil, 0, errors.New("the dialer cannot resolve addresses")
	}
	return resolver.ResolveAddr(address)
}

// Close closes and forgets the connection.
func (c *connection) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// closeUpTo closes what was dialed in an iteration and in those before it.
func (c *connections) closeUpTo(iteration int) {
	for _, made := range c.forgetUpTo(iteration) {
		_ = made.Conn.Close()
	}
}

func (c *connections) forgetUpTo(iteration int) (forgotten []*connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for made := range c.open {
		if made.iteration <= iteration {
			delete(c.open, made)
			forgotten = append(forgotten, made)
		}
	}
	return forgotten
}

// closeAll closes all that is open.
func (c *connections) closeAll() {
	c.closeUpTo(math.MaxInt)
}
