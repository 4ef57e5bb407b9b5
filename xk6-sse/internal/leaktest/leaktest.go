// Package leaktest has a test fail that leaves goroutines or sockets behind.
package leaktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Check compares, after the cleanups that t has from now on, what goroutines and sockets there are with those of now.
func Check(t *testing.T) {
	t.Helper()
	before, goroutines := sockets(), goleak.IgnoreCurrent()
	t.Cleanup(func() {
		goleak.VerifyNone(t, goroutines)
		require.Eventually(t, func() bool { return sockets() <= before }, 5*time.Second, 5*time.Millisecond,
			"more sockets are open than before the test")
	})
}

// sockets counts the sockets of this process; on systems without /proc there are none to be seen.
func sockets() (count int) {
	files, _ := filepath.Glob("/proc/self/fd/*")
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:") {
			count++
		}
	}
	return count
}
