package watch

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
)

// serving runs the command until the test ends, and returns the address that it prints.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	command := newCommand()
	command.SetOut(writer)
	command.SetArgs(append(args, "--listen", "0"))
	go func() { ended <- command.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended, "a command that is stopped has not failed")
	})
	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	url, isSetting := strings.CutPrefix(strings.TrimSpace(line), "SERVER_METRICS_URL=")
	require.True(t, isSetting, line)
	return url
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func requireStatus(t *testing.T, expected int, url string) {
	t.Helper()
	status, text := get(t, url)
	require.Equal(t, expected, status, text)
}

func TestServesTheFiguresOfAProcess(t *testing.T) {
	url := serving(t, "--pid", strconv.Itoa(os.Getpid()))
	status, text := get(t, url)
	require.Equal(t, http.StatusOK, status)
	for _, line := range []string{
		`process_resident_memory_bytes [\d.e+]+`,
		`process_cpu_seconds_total [\d.]+`,
		`process_threads \d+`,
		`process_open_fds \d+`,
	} {
		require.Regexp(t, "(?m)^"+line+"$", text)
	}
	require.Contains(t, text, "# TYPE process_cpu_seconds_total counter\n")
}

func TestAnswers503OnceTheProcessIsGone(t *testing.T) {
	watched := exec.Command("sleep", "60")
	require.NoError(t, watched.Start())
	url := serving(t, "--pid", strconv.Itoa(watched.Process.Pid))
	requireStatus(t, http.StatusOK, url)
	require.NoError(t, watched.Process.Kill())
	_ = watched.Wait()
	status, text := get(t, url)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "there is no process "+strconv.Itoa(watched.Process.Pid)+" on this machine\n", text)
}

func TestFindsAProcessByItsPortAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr()
	url := serving(t, "--port", strconv.Itoa(address.(*net.TCPAddr).Port))
	requireStatus(t, http.StatusOK, url)
	require.NoError(t, listener.Close())
	requireStatus(t, http.StatusServiceUnavailable, url)
	listener, err = net.Listen("tcp", address.String())
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	requireStatus(t, http.StatusOK, url)
}

func TestRefusesWrongInputInASentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	tests := map[string]string{
		"":                  "which process? Give --pid or --port, one of the two",
		"--pid 1 --port 80": "which process? Give --pid or --port, one of the two",
		"--pid 99999999":    "there is no process 99999999 on this machine",
		"--pid x":           `invalid argument "x" for "--pid" flag; see k6 x watch --help`,
		"--port 70000":      `invalid argument "70000" for "--port" flag; see k6 x watch --help`,
		"--prot 80":         "unknown flag: --prot; see k6 x watch --help",
		"--pid 1 --listen " + port: "cannot serve on port " + port + " (listen tcp 127.0.0.1:" + port +
			": bind: address already in use); choose another with --listen",
	}
	for args, sentence := range tests {
		t.Run(args, func(t *testing.T) {
			command := newCommand()
			command.SilenceUsage, command.SilenceErrors = true, true // as k6's own command has it
			command.SetArgs(strings.Fields(args))
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
			defer stop()
			err := command.ExecuteContext(ctx)
			require.EqualError(t, err, sentence)
			var coded errext.HasExitCode
			require.ErrorAs(t, err, &coded)
			require.Equal(t, exitcodes.InvalidConfig, coded.ExitCode())
		})
	}
}
