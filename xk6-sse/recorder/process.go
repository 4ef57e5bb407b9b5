package recorder

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/prometheus/procfs"
)

const k6Module = "go.k6.io/k6/v2"

// k6Version is the version of k6 that this binary was built from, or "unknown".
func k6Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dependency := range info.Deps {
		if dependency.Path == k6Module {
			return dependency.Version
		}
	}
	return "unknown"
}

// command is the command line of this process; arguments with spaces are quoted.
func command() string {
	words := make([]string, len(os.Args))
	for i, word := range os.Args {
		words[i] = word
		if strings.ContainsAny(word, " \t\"'$") {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// residentBytes is the resident memory of this process; 0 where /proc does not tell.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(text), &total, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// Self is this process as no other is: numbers are used again, by the same machine for processes of other starts.
type Self struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Start is its start, in clock ticks since that of the machine.
	Start uint64 `json:"start"`
}

// self is nil where the system does not tell.
func self() *Self {
	host, err := os.Hostname()
	if err != nil {
		return nil
	}
	process, err := procfs.Self()
	if err != nil {
		return nil
	}
	stat, err := process.Stat()
	if err != nil {
		return nil
	}
	return &Self{Host: host, PID: process.PID, Start: stat.Starttime}
}
