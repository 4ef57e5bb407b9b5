package recorder

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
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
