package process

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	role = "PLAN_LOAD_TEST_ROLE"
	held = 64 << 20 // bytes that a worker holds
	busy = 300 * time.Millisecond
)

// TestMain makes this very program the child that a test looks at.
func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "listener":
		beListener(os.Args[1])
	case "parent":
		beParent()
	case "worker":
		beWorker()
	default:
		os.Exit(m.Run())
	}
}

// beListener listens on a port, says which, and ends with its input.
func beListener(port string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// beParent has a worker until it is told a line, and is there until its input ends.
func beParent() {
	worker := newChild("worker")
	fmt.Println("working")
	commands := bufio.NewScanner(os.Stdin)
	commands.Scan()
	worker.end()
	fmt.Println("ended")
	commands.Scan()
}

// beWorker takes memory and processor time, and ends with its input.
func beWorker() {
	memory := make([]byte, held)
	for start := time.Now(); time.Since(start) < busy; {
		for i := range memory {
			memory[i]++
		}
	}
	fmt.Println("worked")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// child is this program in one of its roles.
type child struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Scanner
	// said is the last line that it said.
	said string
}

// newChild starts a child and waits for its first line.
func newChild(as string, args ...string) *child {
	return start(as, exec.Command(os.Args[0], args...))
}

func start(as string, command *exec.Cmd) *child {
	c := &child{command: command}
	c.command.Env = append(os.Environ(), role+"="+as)
	c.command.Stderr = os.Stderr
	c.input, _ = c.command.StdinPipe()
	output, _ := c.command.StdoutPipe()
	c.output = bufio.NewScanner(output)
	if err := c.command.Start(); err != nil {
		panic(err)
	}
	c.hear()
	return c
}

func (c *child) hear() {
	c.output.Scan()
	c.said = c.output.Text()
}

func (c *child) end() {
	_ = c.input.Close()
	_ = c.command.Wait()
}

func (c *child) pid() int { return c.command.Process.Pid }

func figuresOf(t *testing.T, pid int) Figures {
	t.Helper()
	seen, err := ByPID(pid)
	require.NoError(t, err)
	return seen.Figures
}

func TestFiguresAreTheProcesssOwn(t *testing.T) {
	before := figuresOf(t, os.Getpid())
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	after := figuresOf(t, os.Getpid())
	require.Equal(t, *before.OpenFiles+1, *after.OpenFiles)
	require.Greater(t, after.Threads, 1)
	require.Greater(t, after.ResidentBytes, uint64(5<<20))
	require.Less(t, after.ResidentBytes, uint64(1<<30))
	require.Less(t, after.CPUSeconds, 60.0)
}

func TestChildrenAreCounted(t *testing.T) {
	parent := newChild("parent")
	defer parent.end()
	with := figuresOf(t, parent.pid())
	require.Greater(t, with.ResidentBytes, uint64(held))
	require.GreaterOrEqual(t, with.CPUSeconds, busy.Seconds()/3)

	_, _ = io.WriteString(parent.input, "end it\n")
	parent.hear()
	require.Equal(t, "ended", parent.said)
	without := figuresOf(t, parent.pid())
	require.Less(t, without.ResidentBytes, with.ResidentBytes-held/2)
	require.Less(t, without.Threads, with.Threads)
	require.Less(t, *without.OpenFiles, *with.OpenFiles)
	require.GreaterOrEqual(t, without.CPUSeconds, with.CPUSeconds, "the time of a child that ended is lost")
}

func TestAProcessIsFoundByItsPortAgainAndAgain(t *testing.T) {
	first := newChild("listener", "0")
	port, err := strconv.Atoi(first.said)
	require.NoError(t, err)
	watched := NewPort(port)
	seen, err := watched.Process()
	require.NoError(t, err)
	require.Equal(t, first.pid(), seen.PID)
	require.Equal(t, "process.test", seen.Program)
	require.InEpsilon(t, figuresOf(t, first.pid()).ResidentBytes, seen.Figures.ResidentBytes, 0.2)

	first.end()
	_, err = watched.Process()
	require.EqualError(t, err, fmt.Sprintf("no process that this user may look into listens on port %d of this machine; "+
		"start the server, or look as its user", port))

	second := newChild("listener", first.said)
	defer second.end()
	for range 2 {
		seen, err = watched.Process()
		require.NoError(t, err)
		require.Equal(t, second.pid(), seen.PID)
	}
}

func TestProcessesThatShareAPortAreCountedOnceEach(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	defer func() { _ = socket.Close() }()
	command := exec.Command(os.Args[0], "0")
	command.ExtraFiles = []*os.File{socket}
	sharer := start("listener", command)
	defer sharer.end()

	seen, err := NewPort(listener.Addr().(*net.TCPAddr).Port).Process()
	require.NoError(t, err)
	require.Equal(t, min(os.Getpid(), sharer.pid()), seen.PID)
	require.InEpsilon(t, figuresOf(t, os.Getpid()).ResidentBytes, seen.Figures.ResidentBytes, 0.2)
}

func TestAProcessIsFoundByAPortOfIPv6(t *testing.T) {
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	defer func() { _ = listener.Close() }()
	seen, err := NewPort(listener.Addr().(*net.TCPAddr).Port).Process()
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), seen.PID)
}

func TestAConnectionFromAPortIsNoListening(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	connection, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = NewPort(connection.LocalAddr().(*net.TCPAddr).Port).Process()
	require.Error(t, err)
}

func TestAProcessThatIsGone(t *testing.T) {
	ended := newChild("listener", "0")
	require.NoError(t, ended.command.Process.Kill())
	require.Eventually(t, func() bool {
		_, err := ByPID(ended.pid()) // a zombie, for nobody waits for it
		return err != nil && err.Error() == fmt.Sprintf("there is no process %d on this machine", ended.pid())
	}, 5*time.Second, 10*time.Millisecond)
	ended.end()
	_, err := ByPID(ended.pid())
	require.Error(t, err)
}
