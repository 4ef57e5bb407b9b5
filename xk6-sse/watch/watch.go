// Package watch is the command `k6 x watch`: it serves what a process of this machine takes as Prometheus text, for
// servers that have no /metrics.
package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"go.k6.io/k6/v2/cmd/state"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/subcommand"

	"github.com/plan-load/xk6-sse/process"
)

const headerTimeout = 5 * time.Second

func init() {
	subcommand.RegisterExtension("watch", func(*state.GlobalState) *cobra.Command { return newCommand() })
}

// look finds the process anew, whenever it is asked.
type look func() (*process.Process, error)

// options are the command's flags; 0 where a process is not given.
type options struct {
	pid    uint32
	port   uint16
	listen uint16
}

func newCommand() *cobra.Command {
	var given options
	command := &cobra.Command{
		Use:   "watch",
		Short: "Serve what a process of this machine takes as Prometheus text",
		Long: "Serves memory, processor time, threads and open files of a process of this machine, its children " +
			"included, as\nPrometheus text on loopback: for servers that have no /metrics. Prints the address to set " +
			"SERVER_METRICS_URL to.",
		Example: "  k6 x watch --port 8080",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return errext.WithExitCodeIfNone(watch(command, given), exitcodes.InvalidConfig)
		},
	}
	command.Flags().Uint32Var(&given.pid, "pid", 0, "the process's `number`")
	command.Flags().Uint16Var(&given.port, "port", 0, "in place of --pid: the TCP `port` that the process listens on")
	command.Flags().Uint16Var(&given.listen, "listen", 9101, "the `port` to serve on; 0 takes a free one")
	command.SetFlagErrorFunc(wrongFlag)
	return command
}

// wrongFlag makes a sentence of a flag's error, without what Go's parser of numbers adds.
func wrongFlag(_ *cobra.Command, err error) error {
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return errext.WithExitCodeIfNone(fmt.Errorf("%s; see k6 x watch --help", text), exitcodes.InvalidConfig)
}

// watch serves until the process is sent SIGINT or SIGTERM. The process may end and, by its port, be found again; only
// at the beginning it has to be there.
func watch(command *cobra.Command, given options) error {
	look, err := given.look()
	if err != nil {
		return err
	}
	if _, err := look(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", given.listen))
	if err != nil {
		return fmt.Errorf("cannot serve on port %d (%w); choose another with --listen", given.listen, err)
	}
	command.Printf("SERVER_METRICS_URL=http://%s/metrics\n", listener.Addr())
	ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx, listener, look)
}

func (o options) look() (look, error) {
	switch {
	case (o.pid == 0) == (o.port == 0):
		return nil, errors.New("which process? Give --pid or --port, one of the two")
	case o.pid != 0:
		return func() (*process.Process, error) { return process.ByPID(int(o.pid)) }, nil
	default:
		return process.NewPort(int(o.port)).Process, nil
	}
}

func serve(ctx context.Context, listener net.Listener, look look) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", look)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP answers with the figures of this moment, or 503 with a sentence where there is no process.
func (l look) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen, err := l()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(seen.Figures))
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

var (
	residentBytes = describe("process_resident_memory_bytes", "Resident memory in bytes.")
	cpuSeconds    = describe("process_cpu_seconds_total", "User and system processor time in seconds.")
	threads       = describe("process_threads", "Number of operating system threads.")
	openFiles     = describe("process_open_fds", "Number of open file descriptors.")
)

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+" Of the process and its children.", nil, nil)
}

// collector hands figures to Prometheus, with the names that client libraries give them.
type collector process.Figures

// Describe implements prometheus.Collector.
func (c collector) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, descriptions)
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	metrics <- prometheus.MustNewConstMetric(residentBytes, prometheus.GaugeValue, float64(c.ResidentBytes))
	metrics <- prometheus.MustNewConstMetric(cpuSeconds, prometheus.CounterValue, c.CPUSeconds)
	metrics <- prometheus.MustNewConstMetric(threads, prometheus.GaugeValue, float64(c.Threads))
	if c.OpenFiles != nil {
		metrics <- prometheus.MustNewConstMetric(openFiles, prometheus.GaugeValue, float64(*c.OpenFiles))
	}
}
