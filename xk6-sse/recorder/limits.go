package recorder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Limits is what this process may take of its machine. What the system does not tell is null.
type Limits struct {
	// OpenFiles is how many files it may have open: the limit that Go has raised as far as it may.
	OpenFiles *int64 `json:"openFiles"`
	// Ports is how many connections one source address may have to one destination.
	Ports *int64 `json:"ports"`
	// HasOwnAddresses: k6 was told of source addresses, so that there are more ports than those of one.
	HasOwnAddresses bool `json:"hasOwnAddresses"`
	// MemoryBytes is what is free: of the machine, or of the container where that is less.
	MemoryBytes *int64 `json:"memoryBytes"`
	// DiskBytes is what is free where the results go.
	DiskBytes *int64 `json:"diskBytes"`
	// Unwritable says why the results cannot be written; "" where they can.
	Unwritable string `json:"unwritable"`
}

// ReadLimits looks at the machine, and at the place where directory is or will be made.
func ReadLimits(directory string, args []string, env func(string) string) Limits {
	limits := Limits{
		Ports:           readPorts("/proc/sys/net/ipv4/ip_local_port_range"),
		HasOwnAddresses: orElse(flag(args, "local-ips"), env("K6_LOCAL_IPS")) != "",
		MemoryBytes:     least(availableMemory("/proc/meminfo"), containerMemory("/sys/fs/cgroup")),
	}
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		limits.OpenFiles = some(min(files.Cur, 1<<62))
	}
	place := existing(directory)
	var disk syscall.Statfs_t
	if syscall.Statfs(place, &disk) == nil {
		limits.DiskBytes = some(disk.Bavail * uint64(disk.Bsize))
	}
	if err := tryWriting(place); err != nil {
		limits.Unwritable = cannotWrite(directory, err).Error()
	}
	return limits
}

// existing is the directory itself, or the nearest above it that is there. A link that leads nowhere is there: nothing can be made in its place.
func existing(directory string) string {
	for {
		if _, err := os.Lstat(directory); !errors.Is(err, fs.ErrNotExist) {
			return directory
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			return directory
		}
		directory = parent
	}
}

// tryWriting makes a file in directory and removes it.
func tryWriting(directory string) error {
	file, err := os.CreateTemp(directory, ".plan-load.*.tmp")
	if err != nil {
		return err
	}
	_, err = file.WriteString("{}\n")
	return errors.Join(err, file.Close(), os.Remove(file.Name()))
}

func readPorts(path string) *int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var first, last int64
	if _, err := fmt.Sscan(string(text), &first, &last); err != nil {
		return nil
	}
	return some(last - first + 1)
}

// availableMemory is MemAvailable of /proc/meminfo.
func availableMemory(path string) *int64 {
	kib := readField(path, "MemAvailable: %d kB")
	if kib == nil {
		return nil
	}
	return some(*kib << 10)
}

// containerMemory is what a container may still take, as control groups of version 2 and 1 tell: what only caches files
// counts as free.
func containerMemory(root string) *int64 {
	for _, group := range []struct{ limit, used, stat, cached string }{
		{"memory.max", "memory.current", "memory.stat", "inactive_file"},
		{
			"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
			"total_inactive_file",
		},
	} {
		limit, used := readNumber(filepath.Join(root, group.limit)), readNumber(filepath.Join(root, group.used))
		if limit == nil || used == nil {
			continue
		}
		free := *limit - *used
		if cached := readField(filepath.Join(root, group.stat), group.cached+" %d"); cached != nil {
			free += *cached
		}
		return some(max(0, free))
	}
	return nil
}

// readField is the number in the line of a file that has the given format.
func readField(path, format string) *int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var number int64
		if _, err := fmt.Sscanf(line, format, &number); err == nil {
			return &number
		}
	}
	return nil
}

func readNumber(path string) *int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	number, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil
	}
	return &number
}

func least(a, b *int64) *int64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

func some[T int64 | uint64](value T) *int64 {
	number := int64(value)
	return &number
}
