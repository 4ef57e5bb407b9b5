package recorder

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"
)

// newUser returns a virtual user that has the module as the global recorder.
func newUser(t *testing.T, root *RootModule) *modulestest.Runtime {
	t.Helper()
	user := modulestest.NewRuntime(t)
	exports := root.NewModuleInstance(user.VU).Exports()
	require.NoError(t, user.VU.Runtime().Set("recorder", exports.Named))
	return user
}

func eval(t *testing.T, user *modulestest.Runtime, script string) any {
	t.Helper()
	value, err := user.VU.Runtime().RunString(script)
	require.NoError(t, err)
	return value.Export()
}

func TestNow(t *testing.T) {
	user := newUser(t, New())
	before := float64(time.Now().UnixMicro()) / 1000
	now := eval(t, user, `recorder.now()`).(float64)
	require.GreaterOrEqual(t, now, before-0.001)
	require.Less(t, now, before+1000)
}

func TestRunID(t *testing.T) {
	root := New()
	first := eval(t, newUser(t, root), `recorder.runId("smoke")`)
	require.Regexp(t, `^\d{8}T\d{6}Z-smoke-[0-9a-f]{4}$`, first)
	require.Equal(t, first, eval(t, newUser(t, root), `recorder.runId("other")`))
}

func TestUsersShareTheStore(t *testing.T) {
	root := New()
	eval(t, newUser(t, root), `
		const handle = recorder.openStream('{"a":1}');
		recorder.closeStream(handle, '{"b":2}', 1);
		recorder.add("k", '{}');
		recorder.add("k", '{}', 5);
		recorder.tally("t", '{"counts":{"n":1}}');
		recorder.window("w", 1500, '{"counts":{"n":1}}');
	`)
	require.JSONEq(t, `{
		"signalled": false,
		"streams": {"seen": 1, "kept": [{"b": 2}], "open": []},
		"lists": {"k": {"seen": 2, "kept": [{}, {}]}},
		"tallies": {"t": {"counts": {"n": 1}, "latency": {}}},
		"windows": {"w": {"widthMs": 1000, "items": [{"at": 1000, "counts": {"n": 1}, "latency": {}}]}}
	}`, eval(t, newUser(t, root), `recorder.snapshot()`).(string))
}

func TestListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	seen := listenerOn(t, listener.Addr())
	require.Regexp(t, fmt.Sprintf(`^\{"pid":%d,"program":"recorder\.test","figures":\{`+
		`"residentBytes":\d+,"cpuSeconds":[\d.]+,"threads":\d+,"openFiles":\d+\}\}$`, os.Getpid()), seen)
	require.NoError(t, listener.Close())
	require.Equal(t, "null", listenerOn(t, listener.Addr()))
}

// listenerOn returns what a virtual user is told of the process that listens on the address.
func listenerOn(t *testing.T, address net.Addr) string {
	t.Helper()
	user := newUser(t, New())
	script := fmt.Sprintf(`recorder.listener(%d).then((text) => { globalThis.seen = text })`, address.(*net.TCPAddr).Port)
	require.NoError(t, user.EventLoop.Start(func() error {
		_, err := user.VU.Runtime().RunString(script)
		return err
	}))
	return eval(t, user, `seen`).(string)
}

func TestErrorsArePlain(t *testing.T) {
	user := newUser(t, New())
	directory := t.TempDir()
	require.NoError(t, user.VU.Runtime().Set("directory", directory))
	require.Equal(t, []any{
		`Error: cannot add to the list "k": the entry is not valid JSON`,
		`Error: cannot write results to "` + directory + `/x": no such file or directory; choose another directory with OUT_DIR`,
		`Error: "` + directory + `" already holds the run.json of another run; choose another directory with OUT_DIR`,
		`Error: cannot take a snapshot: a count grew beyond what JSON can hold`,
		`Error: cannot take from a tally: a count grew beyond what JSON can hold`,
	}, eval(t, user, `[
		() => recorder.add("k", "{"),
		() => recorder.save(directory + "/x", "a", ""),
		() => { recorder.begin(directory, "{}"); recorder.begin(directory, "{}") },
		() => { for (let i = 0; i < 2; i++) recorder.tally("t", '{"counts":{"n":1.7e308}}'); recorder.snapshot() },
		() => recorder.take("t"),
	].map((f) => { try { f() } catch (e) { return e instanceof Error && String(e) } })`))
}

func TestSignalled(t *testing.T) {
	root := New()
	user := newUser(t, root)
	user.MoveToVUContext(&lib.State{})
	require.Equal(t, false, eval(t, user, `recorder.signalled()`))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Eventually(t, root.signalled, time.Second, time.Millisecond)
	require.Equal(t, true, eval(t, user, `recorder.signalled()`))
	require.Equal(t, true, eval(t, user, `JSON.parse(recorder.snapshot()).signalled`))
}

func TestTheProcessIsNamedAsNoOtherIs(t *testing.T) {
	user := newUser(t, New())
	require.Equal(t, int64(os.Getpid()), eval(t, user, `JSON.parse(recorder.self()).pid`))
	require.Equal(t, true, eval(t, user, `JSON.parse(recorder.self()).start > 0`))
	require.Equal(t, true, eval(t, user, `JSON.parse(recorder.self()).host.length > 0`))
}
