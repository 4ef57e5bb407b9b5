// Package process tells what a process of this machine and its children take, as Linux has it in /proc.
package process

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/prometheus/procfs"
)

const (
	ticksPerSecond = 100 // of processor times in /proc, on every Linux that Go runs on
	listening      = 0x0A
	zombie         = "Z"
)

// Process is a process of this machine, and what it takes.
type Process struct {
	PID     int     `json:"pid"`
	Program string  `json:"program"`
	Figures Figures `json:"figures"`
}

// Figures is what a process and its children take together.
type Figures struct {
	ResidentBytes uint64 `json:"residentBytes"`
	// CPUSeconds is processor time since their start, with that of children that ended and were waited for: such an
	// end takes nothing away.
	CPUSeconds float64 `json:"cpuSeconds"`
	Threads    int     `json:"threads"`
	// OpenFiles is nil where one of them, of another user, does not tell.
	OpenFiles *int `json:"openFiles"`
}

// ByPID returns the process pid. The error is one sentence.
func ByPID(pid int) (*Process, error) {
	processes, err := readTable()
	if err != nil {
		return nil, err
	}
	if one, ok := processes.all[pid]; !ok || one.stat.State == zombie {
		return nil, gone(pid)
	}
	return processes.see(pid)
}

// Port is a TCP port of this machine, whatever the address. Its methods may be called from any goroutine.
type Port struct {
	number  int
	mu      sync.Mutex
	sockets []string
	owners  []int
}

// NewPort returns the port of that number.
func NewPort(number int) *Port {
	return &Port{number: number}
}

// Process returns the process that listens on the port. Where several share it, that is the one with the lowest number,
// and the others are counted with it. They are searched for anew only when none of them holds the socket any longer: a
// search goes through all connections of the machine. The error is one sentence.
func (p *Port) Process() (*Process, error) {
	processes, err := readTable()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owners = processes.owners(p.sockets, p.owners); len(p.owners) == 0 {
		p.sockets = processes.socketsOn(p.number)
		p.owners = processes.owners(p.sockets, slices.Sorted(maps.Keys(processes.all)))
	}
	if len(p.owners) == 0 {
		return nil, fmt.Errorf("no process that this user may look into listens on port %d of this machine; "+
			"start the server, or look as its user", p.number)
	}
	return processes.see(p.owners...)
}

func gone(pid int) error {
	return fmt.Errorf("there is no process %d on this machine", pid)
}

// table is the processes of this machine at one moment.
type table struct {
	proc procfs.FS
	all  map[int]entry
}

type entry struct {
	procfs.Proc
	stat procfs.ProcStat
}

func readTable() (*table, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, errors.New("this machine has no /proc to see its processes in, as Linux has")
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("cannot see the processes of this machine: %w", err)
	}
	all := make(map[int]entry, len(processes))
	for _, process := range processes {
		if stat, err := process.Stat(); err == nil { // else it ended meanwhile
			all[process.PID] = entry{process, stat}
		}
	}
	return &table{proc, all}, nil
}

// socketsOn returns the sockets that listen on port, as links to open files name them.
func (t *table) socketsOn(port int) []string {
	var sockets []string
	for _, read := range []func() (procfs.NetTCP, error){t.proc.NetTCP, t.proc.NetTCP6} {
		lines, _ := read() // an error where the machine lacks that version of IP
		for _, line := range lines {
			if line.St == listening && line.LocalPort == uint64(port) {
				sockets = append(sockets, fmt.Sprintf("socket:[%d]", line.Inode))
			}
		}
	}
	return sockets
}

// owners returns those of the candidates that hold one of the sockets.
func (t *table) owners(sockets []string, candidates []int) []int {
	return slices.DeleteFunc(candidates, func(pid int) bool {
		one, ok := t.all[pid]
		return !ok || !one.holds(sockets)
	})
}

// see returns the first of the roots with the figures of them all and of their children. It fails where a root ended.
func (t *table) see(roots ...int) (*Process, error) {
	seen := &Process{PID: roots[0], Program: t.all[roots[0]].program(), Figures: Figures{OpenFiles: new(int)}}
	for _, pid := range t.tree(roots) {
		if err := seen.Figures.add(t.all[pid]); err != nil && slices.Contains(roots, pid) {
			return nil, gone(pid)
		}
	}
	return seen, nil
}

// tree returns the roots and what descends from them, each once.
func (t *table) tree(roots []int) []int {
	tree := slices.Clone(roots)
	for i := 0; i < len(tree); i++ {
		for pid, one := range t.all {
			if one.stat.PPID == tree[i] && !slices.Contains(tree, pid) {
				tree = append(tree, pid)
			}
		}
	}
	return tree
}

// add adds what one process takes. A zombie, and one that ended meanwhile, adds its processor time alone.
func (f *Figures) add(one entry) error {
	f.CPUSeconds += one.stat.CPUTime() + float64(one.stat.CUTime+one.stat.CSTime)/ticksPerSecond
	if one.stat.State == zombie {
		return nil
	}
	status, err := one.NewStatus()
	if err != nil {
		return err
	}
	f.ResidentBytes += status.VmRSS
	f.Threads += one.stat.NumThreads
	f.addFiles(one.FileDescriptorsLen())
	return nil
}

func (f *Figures) addFiles(count int, err error) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		f.OpenFiles = nil
	case f.OpenFiles != nil:
		*f.OpenFiles += count
	}
}

// holds tells whether a process has one of the sockets open; of another user's process that cannot be seen.
func (e entry) holds(sockets []string) bool {
	files, _ := e.FileDescriptorTargets()
	return slices.ContainsFunc(files, func(file string) bool { return slices.Contains(sockets, file) })
}

// program is the name of the file that a process runs, or, where another user's does not tell, what it calls itself.
func (e entry) program() string {
	path, _ := e.Executable()
	if path == "" {
		return e.stat.Comm
	}
	return filepath.Base(path)
}
