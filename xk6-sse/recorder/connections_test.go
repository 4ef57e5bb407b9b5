package recorder

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"
)

// dial returns a connection of the guarded dialer, and the channel that is closed when it was closed.
func dial(t *testing.T, guarded *connections) (closed chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	made, err := guarded.DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = made.Close() })
	closed = make(chan struct{})
	go func() {
		_, _ = made.Read(make([]byte, 1))
		close(closed)
	}()
	return closed
}

func TestConnectionsAreClosedAfterTheirIterationAndNoLaterOnes(t *testing.T) {
	state := &lib.State{Dialer: netext.NewDialer(net.Dialer{}, nil)}
	first, endFirst := context.WithCancel(t.Context())
	guarded := guard(first, state)
	ofTheFirst := dial(t, guarded)
	endFirst()
	require.Same(t, guarded, guard(t.Context(), state))
	ofTheSecond := dial(t, guarded)

	<-ofTheFirst
	select {
	case <-ofTheSecond:
		t.Fatal("the next iteration's connection was closed")
	case <-time.After(100 * time.Millisecond):
	}
	guarded.closeAll()
	<-ofTheSecond
	require.Empty(t, guarded.open)
}
