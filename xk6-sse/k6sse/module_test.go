package k6sse

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/sobek"
	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"
	"go.k6.io/k6/v2/metrics"
	"go.uber.org/goleak"
	"gopkg.in/guregu/null.v3"

	"github.com/plan-load/xk6-sse/internal/leaktest"
	"github.com/plan-load/xk6-sse/internal/peer"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// bench is a virtual user with the module, a server and what they produced.
type bench struct {
	t       *testing.T
	runtime *modulestest.Runtime
	state   *lib.State
	samples chan metrics.SampleContainer
	url     string
	log     []string // what the script passed to log()
}

// newBench returns a bench in the init context. The end of the test waits until no connection is in use.
func newBench(t *testing.T, handler http.HandlerFunc) *bench {
	t.Helper()
	leaktest.Check(t)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b := &bench{
		t: t, runtime: modulestest.NewRuntime(t), samples: make(chan metrics.SampleContainer, 1000), url: server.URL,
	}
	dialer := netext.NewDialer(net.Dialer{}, nil)
	transport := &http.Transport{DialContext: dialer.DialContext, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	b.state = &lib.State{
		Dialer:    dialer,
		Transport: transport,
		Samples:   b.samples,
		Tags:      lib.NewVUStateTags(b.runtime.VU.InitEnvField.Registry.RootTagSet().With("group", "g")),
		Options: lib.Options{
			SystemTags: metrics.NewSystemTagSet(metrics.TagURL, metrics.TagName, metrics.TagStatus, metrics.TagIP),
			UserAgent:  null.StringFrom("bench"),
		},
	}
	rt := b.runtime.VU.Runtime()
	exports := New().NewModuleInstance(b.runtime.VU).Exports()
	for name, exported := range exports.Named {
		require.NoError(t, rt.Set(name, exported))
	}
	require.NoError(t, rt.Set("sse", exports.Named))
	require.NoError(t, rt.Set("url", b.url))
	require.NoError(t, rt.Set("log", func(parts ...sobek.Value) {
		texts := make([]string, len(parts))
		for i, part := range parts {
			texts[i] = part.String()
		}
		b.log = append(b.log, strings.Join(texts, " "))
	}))
	require.NoError(t, rt.Set("pause", func(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) }))
	return b
}

// run runs script as an iteration, like k6 does, and fails when it does not end.
func (b *bench) run(script string) error {
	b.t.Helper()
	if b.runtime.VU.StateField == nil {
		b.runtime.MoveToVUContext(b.state)
	}
	whole := b.runtime.VU.CtxField
	ctx, cancel := context.WithCancel(whole)
	b.runtime.VU.CtxField = ctx
	defer func() { b.runtime.VU.CtxField = whole }()
	finished := make(chan error, 1)
	go func() {
		err := b.runtime.EventLoop.Start(func() error {
			_, err := b.runtime.VU.Runtime().RunString(script)
			return err
		})
		cancel()
		b.runtime.EventLoop.WaitOnRegistered()
		finished <- err
	}()
	select {
	case err := <-finished:
		return err
	case <-time.After(20 * time.Second):
		b.t.Fatal("the iteration does not end")
		return nil
	}
}

func (b *bench) mustRun(script string) {
	b.t.Helper()
	require.NoError(b.t, b.run(script))
}

// values returns the values of all samples so far, by metric; those of sse_errors by their kind too.
func (b *bench) values() map[string][]float64 {
	values := map[string][]float64{}
	for _, sample := range b.taken() {
		name := sample.Metric.Name
		if kind, tagged := sample.Tags.Get("kind"); tagged {
			name += ":" + kind
		}
		values[name] = append(values[name], sample.Value)
	}
	return values
}

func (b *bench) taken() (samples []metrics.Sample) {
	for _, container := range metrics.GetBufferedSamples(b.samples) {
		samples = append(samples, container.GetSamples()...)
	}
	return samples
}

func refuse(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "busy")
}

func breakOff(w http.ResponseWriter, r *http.Request) {
	peer.Stream(false, "data: a\n\n")(w, r)
	panic(http.ErrAbortHandler)
}

const logAll = `
	const es = new EventSource(url);
	es.onopen = (e) => log(e.type, e.status, es.readyState);
	es.onmessage = (e) => log(e.type, e.data, e.lastEventId, e.origin === url);
	es.onerror = (e) => log(e.type, e.kind, e.status, e.body, es.readyState);
`

func TestStream(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\nid: 7\ndata: b\n\n", "event: named\ndata: c\n\n"))
	b.mustRun(logAll + `
		log(es.readyState, es.url === url, es instanceof EventSource);
		es.addEventListener("named", (e) => log(e.type, e.data, e.lastEventId));
		es.addEventListener("message", (e) => log("listener", e.data));
	`)
	require.Equal(t, []string{
		"0 true true",
		"open 200 1",
		"message a  true", "listener a",
		"message b 7 true", "listener b",
		"named c 7",
		"error end 200  2",
	}, b.log)
}

func TestClassConstants(t *testing.T) {
	b := newBench(t, peer.Stream(true))
	b.mustRun(`
		const es = new EventSource(url);
		log(EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED, es.CONNECTING, es.OPEN, es.CLOSED);
		log(EventSource.name, WebSocketSource.name, WebSocketSource.OPEN);
		es.close();
	`)
	require.Equal(t, []string{"0 1 2 0 1 2", "EventSource WebSocketSource 1"}, b.log)
}

func TestTimestamp(t *testing.T) {
	before := float64(time.Now().UnixMicro())
	b := newBench(t, peer.Stream(false, "data: a\n\n"))
	var stamps []float64
	require.NoError(t, b.runtime.VU.Runtime().Set("stamp", func(at float64) { stamps = append(stamps, at*1000) }))
	b.mustRun(`
		const es = new EventSource(url);
		es.onopen = (e) => { pause(100); stamp(e.timestamp) };
		es.onmessage = es.onerror = es.onopen;
	`)
	require.Len(t, stamps, 3)
	require.IsIncreasing(t, append([]float64{before}, stamps...))
	require.Less(t, stamps[2]-stamps[0], 100e3, "the script's own time must not be in them")
	fraction := false
	for _, at := range stamps {
		fraction = fraction || int64(at)%1000 != 0
	}
	require.True(t, fraction)
}

func TestErrorKinds(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	tests := map[string]struct {
		handler http.HandlerFunc
		params  string
		log     []string
		counted string
	}{
		"status":       {refuse, "{}", []string{"error status 503 busy 2"}, "sse_errors:status"},
		"content type": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }, "{}", []string{"error content-type 200 hi 2"}, "sse_errors:content-type"},
		"reset":        {breakOff, "{}", []string{"open", "a", "error reset 200  2"}, "sse_errors:reset"},
		"connect":      {silent, "{timeouts: {connect: '50ms'}}", []string{"error timeout 0  2"}, "sse_errors:timeout"},
		"first event":  {peer.Stream(true), "{timeouts: {firstEvent: 50}}", []string{"open", "error timeout 200  2"}, "sse_errors:timeout"},
		"idle":         {peer.Stream(true, "data: a\n\n"), "{timeouts: {idle: 50.5}}", []string{"open", "a", "error timeout 200  2"}, "sse_errors:timeout"},
		"total":        {peer.Stream(true), "{timeouts: {total: '0.05s'}}", []string{"open", "error timeout 200  2"}, "sse_errors:timeout"},
		"too long":     {peer.Stream(true, "data: aaaaaaaaa\n\n"), "{maxLineBytes: 10}", []string{"open", "error too-long 200  2"}, "sse_errors:too-long"},
		"end":          {peer.Stream(false, "data: a\n\n"), "{}", []string{"open", "a", "error end 200  2"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, test.handler)
			b.mustRun(fmt.Sprintf(`
				const es = new EventSource(url, %s);
				es.onopen = () => log("open");
				es.onmessage = (e) => log(e.data);
				es.onerror = (e) => log(e.type, e.kind, e.status, e.body, es.readyState);
			`, test.params))
			require.Equal(t, test.log, b.log)
			values := b.values()
			if test.counted != "" {
				require.Equal(t, []float64{1}, values[test.counted])
			}
			require.NotContains(t, values, "sse_errors:end")
			require.Equal(t, []float64{1}, values["sse_sessions"])
		})
	}
}

func TestConnectError(t *testing.T) {
	b := newBench(t, refuse)
	b.mustRun(`new EventSource("http://127.0.0.1:1/").onerror = (e) => log(e.kind, e.message)`)
	require.Equal(t, []string{"connect dial tcp 127.0.0.1:1: connect: connection refused"}, b.log)
	values := b.values()
	require.Equal(t, []float64{1}, values["sse_errors:connect"])
	require.NotContains(t, values, "sse_connecting")
}

func TestServerEventNamedError(t *testing.T) {
	b := newBench(t, peer.Stream(false, "event: error\ndata: theirs\n\n"))
	b.mustRun(`
		const es = new EventSource(url);
		es.onerror = (e) => log("onerror", e.kind, e.data);
		es.addEventListener("error", (e) => log("listener", e.kind, e.data));
	`)
	require.Equal(t, []string{"listener undefined theirs", "onerror end undefined", "listener end undefined"}, b.log)
}

func TestListeners(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\n", "data: b\n\n"))
	b.mustRun(`
		const es = new EventSource(url);
		const once = (e) => { log("once", e.data); es.removeEventListener("message", once) };
		const on = function (e) { log("on", e.data, this === es); es.onmessage = null };
		log(es.onmessage);
		es.onmessage = on;
		log(es.onmessage === on);
		es.addEventListener("message", once);
		es.addEventListener("message", once);
		es.addEventListener("message", (e) => log("always", e.data));
		es.removeEventListener("message", () => {});
		es.removeEventListener("other", once);
	`)
	require.Equal(t, []string{"null", "true", "on a true", "once a", "always a", "always b"}, b.log)
}

func TestAListenerForOnce(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\n", "data: b\n\n"))
	b.mustRun(`
		const es = new EventSource(url);
		const again = (e) => log("again", e.data);
		es.addEventListener("message", (e) => log("once", e.data), {once: true});
		es.addEventListener("message", (e) => {
			log("adds itself", e.data);
			es.addEventListener("message", again, {once: true, passive: true});
		}, {once: true});
		for (const options of [undefined, null, {}, {once: false, capture: true}, true, false]) {
			es.addEventListener("message", (e) => log(JSON.stringify(options), e.data), options);
		}
		for (const options of [{signal: {}}, 1]) {
			try { es.addEventListener("message", log, options) } catch (e) { log(e) }
		}
	`)
	always := func(data string) (lines []string) {
		for _, options := range []string{"undefined", "null", "{}", `{"once":false,"capture":true}`, "true", "false"} {
			lines = append(lines, options+" "+data)
		}
		return lines
	}
	require.Equal(t, slices.Concat(
		[]string{
			`TypeError: addEventListener has no option "signal"`, "TypeError: the options of addEventListener must be an object",
			"once a", "adds itself a",
		},
		always("a"), always("b"), []string{"again b"},
	), b.log)
}

func TestInvalidHandlers(t *testing.T) {
	b := newBench(t, peer.Stream(true))
	b.mustRun(`
		const es = new EventSource(url);
		for (const f of [() => { es.onopen = 1 }, () => es.addEventListener("a", {}), () => es.addEventListener("a")]) {
			try { f() } catch (e) { log(e) }
		}
		es.close();
	`)
	require.Equal(t, []string{
		"TypeError: onopen must be a function",
		"TypeError: a listener must be a function",
		"TypeError: a listener must be a function",
	}, b.log)
}

func TestInvalidArguments(t *testing.T) {
	tests := map[string]string{
		`new EventSource()`:                                        `TypeError: EventSource needs a URL`,
		`new EventSource("http://[::1")`:                           `TypeError: EventSource needs a valid URL: parse "http://[::1": missing ']' in host`,
		`new EventSource("http://a/%zz")`:                          `TypeError: EventSource needs a valid URL: parse "http://a/%zz": invalid URL escape "%zz"`,
		`new EventSource("ws://a/")`:                               `TypeError: EventSource needs a URL that begins with http:// or https://, not "ws://a/"`,
		`new EventSource("/a")`:                                    `TypeError: EventSource needs a URL that begins with http:// or https://, not "/a"`,
		`new EventSource("http://")`:                               `TypeError: EventSource needs a URL with a host, not "http://"`,
		`new EventSource(url, 1)`:                                  `TypeError: EventSource params must be an object`,
		`new EventSource(url, {header: {}})`:                       `TypeError: EventSource has no param "header"`,
		`new EventSource(url, {headers: "a"})`:                     `TypeError: headers must be an object`,
		`new EventSource(url, {body: {}})`:                         `TypeError: body must be a string`,
		`new EventSource(url, {timeouts: {read: 1}})`:              `TypeError: EventSource has no time-out "read"`,
		`new EventSource(url, {timeouts: {idle: "soon"}})`:         `TypeError: the time-out "idle" must be milliseconds or a duration like "10s", not soon`,
		`new EventSource(url, {timeouts: {idle: -1}})`:             `TypeError: the time-out "idle" must be milliseconds or a duration like "10s", not -1`,
		`new EventSource(url, {timeouts: {idle: NaN}})`:            `TypeError: the time-out "idle" must be milliseconds or a duration like "10s", not NaN`,
		`new EventSource(url, {timeouts: {idle: Infinity}})`:       `TypeError: the time-out "idle" must be milliseconds or a duration like "10s", not Infinity`,
		`new EventSource(url, {timeouts: {idle: 18446744073710}})`: `TypeError: the time-out "idle" must be milliseconds or a duration like "10s", not 18446744073710`,
		`new EventSource(url, {maxLineBytes: 0})`:                  `TypeError: maxLineBytes must be a whole number of at least 1, not 0`,
		`new EventSource(url, {maxLineBytes: 1.5})`:                `TypeError: maxLineBytes must be a whole number of at least 1, not 1.5`,
		`new EventSource(url, {tags: {a: {}}})`:                    `TypeError: invalid value for metric tag 'a': only String, Boolean and Number types are accepted as a metric tag values`,
		`new EventSource(url, {get body() { throw "getter" }})`:    `getter`,
	}
	for script, message := range tests {
		t.Run(script, func(t *testing.T) {
			b := newBench(t, refuse)
			b.mustRun(`try { ` + script + ` } catch (e) { log(e) }`)
			require.Equal(t, []string{message}, b.log)
		})
	}
}

func TestEmptyParams(t *testing.T) {
	b := newBench(t, peer.Stream(false))
	b.mustRun(`
		for (const params of [undefined, null, {}, {method: undefined, headers: null, timeouts: {idle: undefined}}]) {
			new EventSource(url, params).onerror = (e) => log(e.kind);
		}
	`)
	require.Equal(t, []string{"end", "end", "end", "end"}, b.log)
}

func TestInitContext(t *testing.T) {
	b := newBench(t, refuse)
	_, err := b.runtime.VU.Runtime().RunString(`new EventSource(url)`)
	require.ErrorContains(t, err, "EventSource cannot be used in the init context")
}

func TestRequest(t *testing.T) {
	var received *http.Request
	var body []byte
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		received = r
		body, _ = io.ReadAll(r.Body)
		peer.Stream(false)(w, r)
	})
	b.mustRun(`new EventSource(url + "/a?b=c", {method: "post", headers: {"X-Test": 1}, body: "hello"})`)
	require.Equal(t, "POST /a?b=c hello", fmt.Sprint(received.Method, " ", received.URL, " ", string(body)))
	require.Equal(t, "1", received.Header.Get("X-Test"))
	require.Equal(t, "bench", received.Header.Get("User-Agent"))

	b.mustRun(`new EventSource(url, {headers: {"user-agent": "mine"}})`)
	require.Equal(t, "mine", received.Header.Get("User-Agent"))
}

func TestCloseAtAnyMoment(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		script  string
		log     []string
	}{
		"at once":         {peer.Stream(true), `es.close(); es.close(); log(es.readyState)`, []string{"2"}},
		"no server":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, `es.close()`, nil},
		"in onopen":       {peer.Stream(true, "data: a\n\n"), `es.onopen = () => { es.close(); log("open") }`, []string{"open"}},
		"in onmessage":    {peer.Stream(true, "data: a\n\ndata: b\n\n"), `es.onmessage = (e) => { es.close(); log(e.data); es.close() }`, []string{"a"}},
		"in a listener":   {peer.Stream(false, "data: a\n\ndata: b\n\n"), `es.addEventListener("message", () => es.close()); es.addEventListener("message", log)`, nil},
		"in onerror":      {refuse, `es.addEventListener("error", log); es.onerror = () => { es.close(); log("error") }`, []string{"error"}},
		"after the end":   {peer.Stream(false), `es.onerror = () => Promise.resolve().then(() => { es.close(); log(es.readyState) })`, []string{"2"}},
		"while streaming": {endless, `let n = 0; es.onmessage = () => { if (++n === 5000) { es.close(); log("done") } }`, []string{"done"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, test.handler)
			b.mustRun(`const es = new EventSource(url); es.onerror = () => log("unexpected");` + test.script)
			require.Equal(t, test.log, b.log)
			for name := range b.values() {
				require.NotContains(t, name, "closed")
			}
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := 0; r.Context().Err() == nil; n++ {
		_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
	}
}

func TestExceptionInHandler(t *testing.T) {
	scripts := map[string]string{
		"onopen":    `es.onopen = () => { throw new Error("mine") }`,
		"onmessage": `es.onmessage = () => { throw new Error("mine") }`,
		"listener":  `es.addEventListener("message", () => { throw new Error("mine") })`,
		"async":     `es.onmessage = async () => { throw new Error("mine") }`,
		"onerror":   `es.onmessage = () => es.close(); const other = new EventSource("http://127.0.0.1:1/"); other.onerror = () => { throw new Error("mine") }`,
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, peer.Stream(true, "data: a\n\ndata: b\n\n"))
			err := b.run(`const es = new EventSource(url); es.onerror = () => log("unexpected");` + script)
			require.ErrorContains(t, err, "mine")
			require.Empty(t, b.log)
		})
	}
}

func TestExceptionOfTheScriptItself(t *testing.T) {
	b := newBench(t, peer.Stream(true, "data: a\n\n"))
	err := b.run(`const es = new EventSource(url); es.onmessage = es.onerror = log; throw new Error("mine")`)
	require.ErrorContains(t, err, "mine")
	require.Empty(t, b.log)
}

func TestInterruption(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"silent":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"waiting":    peer.Stream(true, "data: a\n\n"),
		"streaming":  endless,
		"refusing":   refuse,
		"breaks off": breakOff,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, handler)
			interrupted, after := false, 0
			rt := b.runtime.VU.Runtime()
			require.NoError(t, rt.Set("interrupt", func() { b.runtime.CancelContext(); interrupted = true }))
			require.NoError(t, rt.Set("called", func() {
				if interrupted {
					after++
				}
			}))
			require.NoError(t, b.run(`
				const es = new EventSource(url);
				es.onopen = es.onmessage = es.onerror = called;
				setTimeout(interrupt, 50);
			`))
			require.Zero(t, after)
		})
	}
}

func TestMetricsOfAnInterruptedIteration(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	waiting := peer.Stream(true, "data: a\n\ndata: b\n\n")
	tests := map[string]struct {
		handler http.HandlerFunc
		script  string
		opened  bool
	}{
		"EventSource":                {waiting, `new EventSource(url).onmessage = (e) => { if (e.data === "b") interrupt() }`, true},
		"EventSource, no answer":     {silent, `new EventSource(url); setTimeout(interrupt, 50)`, false},
		"EventSource, script throws": {waiting, `new EventSource(url).onmessage = (e) => { if (e.data === "b") throw "up" }`, true},
		"sse.open":                   {waiting, `sse.open(url, (client) => client.on("event", (e) => { if (e.data === "b") interrupt() }))`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, test.handler)
			require.NoError(t, b.runtime.VU.Runtime().Set("interrupt", b.runtime.CancelContext))
			_ = b.run(test.script)
			values := b.values()
			require.Equal(t, []float64{1}, values["sse_sessions"])
			if test.opened {
				require.Equal(t, 2.0, sum(values["sse_events_received"]))
				require.Len(t, values["sse_session_duration"], 1)
			}
		})
	}
}

func TestSlowScriptGetsEverythingInOrder(t *testing.T) {
	const count = 5000
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range count {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
		}
	})
	b.mustRun(`
		let next = 0, disorder = 0;
		const es = new EventSource(url);
		es.onmessage = (e) => {
			if (Number(e.data) !== next++) disorder++;
			if (next % 500 === 0) pause(20);
		};
		es.onerror = (e) => log(e.kind, next, disorder);
	`)
	require.Equal(t, []string{"end 5000 0"}, b.log)
	values := b.values()
	require.Equal(t, 5000.0, sum(values["sse_events_received"]))
	require.LessOrEqual(t, len(values["sse_events_received"]), 3)
	require.LessOrEqual(t, len(values["sse_queue_delay"]), 3)
	require.Greater(t, values["sse_queue_delay"][0], 20.0)
}

func TestStreamsAndTimersShareTheLoop(t *testing.T) {
	b := newBench(t, endless)
	b.mustRun(`
		const counts = [0, 0, 0];
		const sources = counts.map((_, i) => {
			const es = new EventSource(url);
			es.onmessage = () => counts[i]++;
			return es;
		});
		const timer = setInterval(() => {
			if (counts.includes(0)) return;
			clearInterval(timer);
			sources.forEach((es) => es.close());
			log("all had their turn");
		}, 10);
	`)
	require.Equal(t, []string{"all had their turn"}, b.log)
}

func TestMetrics(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\ndata: b\n\n: c\n\n", "event: d\ndata: d\n\n"))
	b.mustRun(`new EventSource(url, {tags: {mine: 1}})`)
	seen := map[string]float64{}
	for _, sample := range b.taken() {
		seen[sample.Metric.Name] = sample.Value
		require.Equal(t, map[string]string{
			"group": "g", "mine": "1", "url": b.url, "name": b.url, "status": "200", "ip": "127.0.0.1",
		}, sample.Tags.Map())
	}
	require.Equal(t, 1.0, seen["sse_sessions"])
	require.Equal(t, 3.0, seen["sse_events_received"])
	require.Contains(t, seen, "sse_queue_delay")
	require.NotContains(t, seen, "sse_errors")
	require.Greater(t, seen["sse_connecting"], 0.0)
	require.Greater(t, seen["sse_time_to_first_event"], seen["sse_connecting"])
	require.Greater(t, seen["sse_session_duration"], seen["sse_time_to_first_event"])
}

func TestMetricsOnceASecond(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 120 {
			_, _ = io.WriteString(w, "data: a\n\n")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	b.mustRun(`new EventSource(url).onmessage = () => {}`)
	values := b.values()
	require.Equal(t, 120.0, sum(values["sse_events_received"]))
	for _, name := range []string{"sse_events_received", "sse_queue_delay"} {
		require.GreaterOrEqual(t, len(values[name]), 3)
		require.LessOrEqual(t, len(values[name]), 4)
	}
}

func TestNameTagReplacesURL(t *testing.T) {
	b := newBench(t, refuse)
	b.mustRun(`new EventSource(url + "/id/1", {tags: {name: "ids"}})`)
	for _, sample := range b.taken() {
		tags := sample.Tags.Map()
		require.Equal(t, "ids ids 503", tags["name"]+" "+tags["url"]+" "+tags["status"])
	}
}

func TestPasswordIsNoTag(t *testing.T) {
	b := newBench(t, refuse)
	b.mustRun(`new EventSource(url.replace("//", "//user:secret@"))`)
	samples := b.taken()
	require.NotEmpty(t, samples)
	for _, sample := range samples {
		require.NotContains(t, sample.Tags.Map()["url"]+sample.Tags.Map()["name"], "secret")
	}
}

func TestBytesAreCounted(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: "+strings.Repeat("x", 10000)+"\n\n"))
	b.mustRun(`new EventSource(url)`)
	dialer := b.state.Dialer.(*netext.Dialer)
	require.Greater(t, dialer.BytesRead, int64(10000))
	require.Greater(t, dialer.BytesWritten, int64(50))
}

func sum(values []float64) (total float64) {
	for _, value := range values {
		total += value
	}
	return total
}
