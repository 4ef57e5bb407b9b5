package recorder

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func noEnvironment(string) string { return "" }

func TestLimits(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "not", "yet")
	limits := ReadLimits(directory, nil, noEnvironment)
	require.Greater(t, *limits.OpenFiles, int64(0))
	require.Greater(t, *limits.DiskBytes, int64(0))
	require.Empty(t, limits.Unwritable)
	require.False(t, limits.HasOwnAddresses)
	require.NoDirExists(t, filepath.Dir(directory))
	requireFiles(t, filepath.Dir(filepath.Dir(directory)), []string{}...)
}

func TestLimitOfOpenFiles(t *testing.T) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 200, Max: before.Max}))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) }()
	require.Equal(t, int64(200), *ReadLimits(t.TempDir(), nil, noEnvironment).OpenFiles)
}

func TestWhereResultsCannotGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	below := filepath.Join(file, "x")
	require.Equal(t,
		`cannot write results to "`+below+`": not a directory; choose another directory with OUT_DIR`,
		ReadLimits(below, nil, noEnvironment).Unwritable)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("nowhere", link))
	require.Equal(t,
		`cannot write results to "`+link+`": no such file or directory; choose another directory with OUT_DIR`,
		ReadLimits(link, nil, noEnvironment).Unwritable)
}

func TestOwnAddresses(t *testing.T) {
	require.True(t, ReadLimits(t.TempDir(), []string{"--local-ips=127.0.0.2"}, noEnvironment).HasOwnAddresses)
	fromEnvironment := func(name string) string { return map[string]string{"K6_LOCAL_IPS": "127.0.0.2"}[name] }
	require.True(t, ReadLimits(t.TempDir(), nil, fromEnvironment).HasOwnAddresses)
}

func write(t *testing.T, directory string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(directory, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return directory
}

func TestMemory(t *testing.T) {
	at := func(files map[string]string) string { return write(t, t.TempDir(), files) }
	meminfo := at(map[string]string{"meminfo": "MemTotal:  9 kB\nMemFree:  1 kB\nMemAvailable:      3 kB\n"})
	require.Equal(t, int64(3<<10), *availableMemory(filepath.Join(meminfo, "meminfo")))
	require.Nil(t, availableMemory(filepath.Join(meminfo, "missing")))
	require.Equal(t, int64(60), *containerMemory(at(map[string]string{"memory.max": "100\n", "memory.current": "40\n"})))
	require.Equal(t, int64(90), *containerMemory(at(map[string]string{
		"memory.max": "100", "memory.current": "40", "memory.stat": "anon 10\ninactive_file 30\n",
	})))
	require.Equal(t, int64(0), *containerMemory(at(map[string]string{"memory.max": "100", "memory.current": "140"})))
	require.Nil(t, containerMemory(at(map[string]string{"memory.max": "max\n", "memory.current": "40\n"})))
	require.Equal(t, int64(5), *containerMemory(at(map[string]string{
		"memory/memory.limit_in_bytes": "7", "memory/memory.usage_in_bytes": "2",
	})))
	require.Equal(t, int64(1), *least(some(int64(2)), some(int64(1))))
	require.Equal(t, int64(2), *least(some(int64(2)), nil))
	require.Nil(t, least(nil, nil))
}

func TestPorts(t *testing.T) {
	directory := write(t, t.TempDir(), map[string]string{"range": "32768\t60999\n", "broken": "x"})
	require.Equal(t, int64(28_232), *readPorts(filepath.Join(directory, "range")))
	require.Nil(t, readPorts(filepath.Join(directory, "broken")))
	require.Nil(t, readPorts(filepath.Join(directory, "missing")))
}
