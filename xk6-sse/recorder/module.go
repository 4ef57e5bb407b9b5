package recorder

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/js/promises"

	"github.com/plan-load/xk6-sse/ledger"
	"github.com/plan-load/xk6-sse/process"
)

func init() {
	modules.Register("k6/x/recorder", New())
}

// RootModule is what all virtual users of the process share: the store, the id of the run, the signals it was sent and
// the ports that were looked at.
type RootModule struct {
	store   *Store
	gates   *Gates
	mu      sync.Mutex
	runID   string
	listen  sync.Once
	signals chan os.Signal
	lag     lag
	ports   sync.Map // *process.Port by number
	segment func() (*Segment, error)
	look    sync.Once
	limits  Limits
}

var _ modules.Module = (*RootModule)(nil)

// New returns the module with an empty store.
func New() *RootModule {
	return &RootModule{
		store:   NewStore(),
		gates:   NewGates(),
		signals: make(chan os.Signal, 1),
		segment: sync.OnceValues(func() (*Segment, error) { return readSegment(os.Args, os.Getenv) }),
	}
}

// NewModuleInstance implements modules.Module.
func (r *RootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	return &instance{root: r, vu: vu}
}

// identify makes the id of the run on its first call and returns that one ever after.
func (r *RootModule) identify(label string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runID == "" {
		r.runID = fmt.Sprintf("%s-%s-%04x", time.Now().UTC().Format("20060102T150405Z"), label, rand.Uint32N(1<<16))
	}
	return r.runID
}

// watch has the process's signals copied to the module; k6's own handling gets them all the same.
func (r *RootModule) watch() {
	r.listen.Do(func() { signal.Notify(r.signals, syscall.SIGINT, syscall.SIGTERM) })
}

func (r *RootModule) signalled() bool {
	return len(r.signals) > 0
}

func (r *RootModule) port(number int) *process.Port {
	port, _ := r.ports.LoadOrStore(number, process.NewPort(number))
	return port.(*process.Port)
}

func (r *RootModule) snapshot() (string, error) {
	snapshot := r.store.Snapshot()
	snapshot.Signalled = r.signalled()
	text, err := json.Marshal(snapshot)
	if err != nil {
		return "", errors.New("cannot take a snapshot: a count grew beyond what JSON can hold")
	}
	return string(text), nil
}

// instance is the module as one JavaScript runtime sees it.
type instance struct {
	root *RootModule
	vu   modules.VU
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{
		"now":           now,
		"runId":         i.runID,
		"begin":         i.begin,
		"save":          i.save,
		"openStream":    i.openStream,
		"closeStream":   i.closeStream,
		"add":           i.add,
		"tally":         i.tally,
		"window":        i.window,
		"snapshot":      i.snapshot,
		"signalled":     i.signalled,
		"count":         i.count,
		"take":          i.take,
		"k6Version":     k6Version,
		"command":       command,
		"instance":      i.instance,
		"self":          i.self,
		"share":         i.share,
		"residentBytes": residentBytes,
		"ledger":        ledger.New,
		"isTooDeep":     ledger.IsTooDeep,
		"takeLedger":    i.takeLedger,
		"takeLag":       i.takeLag,
		"listener":      i.listener,
		"limits":        i.limits,
		"openGate":      i.root.gates.Open,
		"passGate":      i.passGate,
		"takeTurn":      i.takeTurn,
		"endTurn":       i.root.gates.EndTurn,

		"guardConnections": i.guardConnections,
		"closeConnections": i.closeConnections,
		"boundAnswers":     i.boundAnswers,
	}}
}

// shared returns the root module, which watches for signals from its first use outside of init code on: by then k6
// handles them itself, so that a signal during start-up still ends the process.
func (i *instance) shared() *RootModule {
	if i.vu.State() != nil {
		i.root.watch()
	}
	return i.root
}

func (i *instance) guardConnections() {
	if state := i.vu.State(); state != nil {
		guard(i.vu.Context(), state)
	}
}

func (i *instance) boundAnswers() {
	if state := i.vu.State(); state != nil {
		boundAnswers(state)
	}
}

func (i *instance) closeConnections() {
	if state := i.vu.State(); state != nil {
		if guarded, ok := state.Dialer.(*connections); ok {
			guarded.closeAll()
		}
	}
}

func now() float64 {
	return float64(time.Now().UnixNano()) / float64(time.Millisecond)
}

func (i *instance) runID(label string) string {
	return i.shared().identify(label)
}

// instance tells which part of a run that several processes share this process has.
func (i *instance) instance() string {
	segment, err := i.root.segment()
	i.check(err)
	text, err := json.Marshal(segment)
	i.check(err)
	return string(text)
}

func (i *instance) self() string {
	text, err := json.Marshal(self())
	i.check(err)
	return string(text)
}

func (i *instance) share(users int64) int64 {
	segment, err := i.root.segment()
	i.check(err)
	return segment.share(users)
}

func (i *instance) begin(directory, document string) {
	i.shared()
	i.check(Begin(directory, document))
}

func (i *instance) save(directory, name, content string) {
	i.check(Save(directory, name, content))
}

// takeLedger adds what came to a ledger since the last call to the tally and the windows of key, and how long it waited
// to the tally of delayKey.
func (i *instance) takeLedger(from *ledger.Ledger, key, delayKey string) {
	delta := from.Drain()
	if delta.Messages == 0 {
		return
	}
	store := i.shared().store
	came := &Tally{Counts: map[string]float64{"messages": float64(delta.Messages)}, Latency: delta.Latency.Sparse()}
	store.add(key, came)
	store.addToWindow(key, now(), came)
	store.add(delayKey, &Tally{Latency: delta.QueueDelay.Sparse()})
}

// takeLag adds by how much this process came late since the last call to the tally of key.
func (i *instance) takeLag(key string) {
	i.shared().store.add(key, &Tally{Latency: i.root.lag.drain().Sparse()})
}

func (i *instance) openStream(entry string) int64 {
	handle, err := i.shared().store.OpenStream(entry)
	i.check(err)
	return handle
}

func (i *instance) closeStream(handle int64, report string, weight float64) {
	i.check(i.shared().store.CloseStream(handle, report, weight))
}

func (i *instance) add(kind, entry string, weight float64) {
	i.check(i.shared().store.Add(kind, entry, weight))
}

func (i *instance) tally(key, delta string) {
	i.check(i.shared().store.Tally(key, delta))
}

func (i *instance) count(key, name string) float64 {
	return i.shared().store.Count(key, name)
}

func (i *instance) take(key string) string {
	text, err := json.Marshal(i.shared().store.Take(key))
	if err != nil {
		i.check(errors.New("cannot take from a tally: a count grew beyond what JSON can hold"))
	}
	return string(text)
}

func (i *instance) window(key string, at float64, delta string) {
	i.check(i.shared().store.Window(key, at, delta))
}

func (i *instance) snapshot() string {
	text, err := i.shared().snapshot()
	i.check(err)
	return text
}

func (i *instance) signalled() bool {
	return i.shared().signalled()
}

// limits tells what this process may take of its machine, and whether results can be written to directory: as it was at
// the first call, before virtual users took theirs.
func (i *instance) limits(directory string) string {
	root := i.root
	root.look.Do(func() { root.limits = ReadLimits(directory, os.Args, os.Getenv) })
	text, err := json.Marshal(root.limits)
	i.check(err)
	return string(text)
}

// listener looks for the process that listens on a TCP port of this machine, away from the event loop.
func (i *instance) listener(port int) *sobek.Promise {
	promise, resolve, reject := promises.New(i.vu)
	go func() {
		seen, _ := i.root.port(port).Process() // nil, and so null, where none can be seen
		text, err := json.Marshal(seen)
		if err != nil {
			reject(err)
			return
		}
		resolve(string(text))
	}()
	return promise
}

// passGate resolves to the word of a gate once it is open.
func (i *instance) passGate(name string) *sobek.Promise {
	promise, resolve, _ := promises.New(i.vu)
	ctx := i.vu.Context()
	go func() { resolve(i.root.gates.Pass(ctx, name)) }()
	return promise
}

// takeTurn resolves once a turn at a gate is taken: to whether it is.
func (i *instance) takeTurn(name string, atOnce int) *sobek.Promise {
	promise, resolve, _ := promises.New(i.vu)
	ctx := i.vu.Context()
	go func() { resolve(i.root.gates.TakeTurn(ctx, name, atOnce)) }()
	return promise
}

// check throws err, if it is one, as a plain JavaScript Error.
func (i *instance) check(err error) {
	if err == nil {
		return
	}
	rt := i.vu.Runtime()
	thrown, failure := rt.New(rt.Get("Error"), rt.ToValue(err.Error()))
	if failure != nil {
		panic(failure)
	}
	panic(thrown)
}
