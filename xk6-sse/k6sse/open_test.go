package k6sse

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/plan-load/xk6-sse/internal/peer"
	"github.com/stretchr/testify/require"
	httpmodule "go.k6.io/k6/v2/js/modules/k6/http"
	"gopkg.in/guregu/null.v3"
)

const openAndLog = `
	const response = sse.open(url, params, (client) => {
		log("setup");
		client.on("open", () => log("open"));
		client.on("event", (e) => log("event", JSON.stringify([e.id, e.name, e.data, e.comment])));
		client.on("error", (e) => log("error", e.error()));
	});
	log(response.status, response.error);
`

func TestOpen(t *testing.T) {
	b := newBench(t, peer.Stream(false,
		": hello\nid: 1\ndata: a\ndata: b\n\n", "foo: bar\nevent: named\ndata: c\n\n: comment\n\n\n\nid: 2\n\nretry: 5\n\n"))
	b.mustRun(`const params = {};` + openAndLog + `log(response.url === url, response.headers["Content-Type"], response.body)`)
	require.Equal(t, []string{
		"setup", "open", `event ["1","","a\nb","hello"]`, `event ["","named","c",""]`, "200 ", "true text/event-stream; charset=utf-8 ",
	}, b.log)
	values := b.values()
	require.Equal(t, []float64{2}, values["sse_event"])
	require.Equal(t, []float64{2}, values["sse_events_received"])
	require.Equal(t, []float64{1}, values["sse_sessions"])
	require.Contains(t, values, "sse_session_duration")
}

func TestOpenBlocks(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\n"))
	b.mustRun(`
		setTimeout(() => log("timer"), 0);
		sse.open(url, (client) => client.on("event", (e) => log(e.data)));
		log("after");
	`)
	require.Equal(t, []string{"a", "after", "timer"}, b.log)
}

func TestOpenRequest(t *testing.T) {
	var received *http.Request
	var body []byte
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		received = r
		body, _ = io.ReadAll(r.Body)
		peer.Stream(false)(w, r)
	})
	b.mustRun(`sse.open(url + "/a", {
		method: "POST", body: "{}", headers: {"content-type": "application/json"}, tags: {name: "posts"}, unknown: 1,
	}, () => {})`)
	require.Equal(t, "POST /a {}", fmt.Sprint(received.Method, " ", received.URL, " ", string(body)))
	require.Equal(t, "application/json", received.Header.Get("Content-Type"))
	require.Equal(t, "text/event-stream", received.Header.Get("Accept"))
	require.Equal(t, "bench", received.Header.Get("User-Agent"))
	for _, sample := range b.taken() {
		require.Equal(t, "posts", sample.Tags.Map()["url"])
	}
}

func TestOpenFailures(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	html := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }
	tests := map[string]struct {
		handler http.HandlerFunc
		params  string
		log     []string
		body    string
		throws  bool
	}{
		"status":       {refuse, `{}`, []string{"setup", "error status: the server answered with status 503 Service Unavailable"}, "busy", false},
		"content type": {html, `{}`, []string{"setup", `error content-type: the server answered with content type "text/html; charset=utf-8" in place of text/event-stream`}, "<html>", false},
		"reset":        {breakOff, `{}`, []string{"setup", "open", `event ["","","a",""]`, "error reset: the response was cut short"}, "", true},
		"timeout":      {peer.Stream(true), `{timeout: 50}`, []string{"setup", "open", "error timeout: the total time-out of 50ms passed"}, "", true},
		"no answer":    {silent, `{timeout: "50ms"}`, []string{"setup", "error timeout: the total time-out of 50ms passed"}, "", true},
		"idle":         {peer.Stream(true), `{timeouts: {idle: 50}}`, []string{"setup", "open", "error timeout: the idle time-out of 50ms passed"}, "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, test.handler)
			b.mustRun(`const params = ` + test.params + `;` + openAndLog + `log(response.body)`)
			whole := len(test.log)
			require.Equal(t, test.log, b.log[:whole])
			require.Contains(t, "error "+b.log[whole], b.log[whole][:3], "the status")
			require.Contains(t, b.log[whole], test.log[whole-1][len("error "):])
			require.Equal(t, test.body, b.log[whole+1])

			b.log = nil
			b.state.Options.Throw = null.BoolFrom(true)
			b.mustRun(`try { sse.open(url, ` + test.params + `, () => {}); log("returned") } catch (e) { log(e.message ?? e) }`)
			require.Equal(t, test.throws, b.log[0] != "returned", b.log)
		})
	}
}

func TestOpenBadURL(t *testing.T) {
	for _, address := range []string{`"http://[::1"`, `"INVALID"`, `"ftp://127.0.0.1/"`, `"http://"`, `undefined`} {
		b := newBench(t, refuse)
		script := `const response = sse.open(` + address + `, (client) => client.on("error", (e) => log(e.kind)));
			log(response.status, response.error.length > 0)`
		b.mustRun(script)
		require.Equal(t, []string{"connect", "0 true"}, b.log)
		b.state.Options.Throw = null.BoolFrom(true)
		require.ErrorContains(t, b.run(`sse.open(`+address+`, () => {})`), "sse.open needs a")
	}
}

func TestOpenConnectError(t *testing.T) {
	b := newBench(t, refuse)
	b.mustRun(`const url = "http://127.0.0.1:1/", params = null;` + openAndLog)
	refused := "connect: dial tcp 127.0.0.1:1: connect: connection refused"
	require.Equal(t, []string{"setup", "error " + refused, "0 " + refused}, b.log)
	require.Equal(t, []float64{1}, b.values()["sse_errors:connect"])
}

func TestOpenClose(t *testing.T) {
	tests := map[string]struct {
		script string
		log    []string
	}{
		"in setup":        {`client.on("open", log); client.close()`, nil},
		"in open":         {`client.on("open", () => client.close()); client.on("event", log)`, nil},
		"in event":        {`client.on("event", (e) => { log(e.data); client.close(); client.close() })`, []string{"a"}},
		"then no handler": {`client.on("event", () => client.close()); client.on("event", log)`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, peer.Stream(true, "data: a\n\ndata: b\n\n"))
			b.mustRun(`
				const response = sse.open(url, (client) => { client.on("error", log); ` + test.script + ` });
				if (response.status !== 200 || response.error) log(response.status, response.error);
			`)
			require.Equal(t, test.log, b.log)
		})
	}
}

func TestOpenCountsNoEventsAfterClose(t *testing.T) {
	b := newBench(t, peer.Stream(true, strings.Repeat("data: a\n\n", 100)))
	b.mustRun(`
		let n = 0;
		sse.open(url, (client) => client.on("event", () => { if (++n === 5) client.close() }));
	`)
	require.Equal(t, []float64{5}, b.values()["sse_event"])
}

func TestOpenExceptions(t *testing.T) {
	for name, script := range map[string]string{
		"setup": `throw new Error("mine")`,
		"open":  `client.on("open", () => { throw new Error("mine") })`,
		"event": `client.on("event", () => { throw new Error("mine") })`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, peer.Stream(true, "data: a\n\ndata: b\n\n"))
			b.mustRun(`try { sse.open(url, (client) => {` + script + `}) } catch (e) { log(e instanceof Error, e.message) }`)
			require.Equal(t, []string{"true mine"}, b.log)
		})
	}
	b := newBench(t, refuse)
	require.ErrorContains(t, b.run(`sse.open(url, (client) => client.on("error", () => { throw new Error("mine") }))`), "mine")
}

func TestOpenArguments(t *testing.T) {
	tests := map[string]string{
		`sse.open(url)`:                          "TypeError: invalid number of arguments to sse.open",
		`sse.open(url, {}, () => {}, 1)`:         "TypeError: invalid number of arguments to sse.open",
		`sse.open(url, {})`:                      "TypeError: last argument to sse.open must be a function",
		`sse.open(url, 1, () => {})`:             "TypeError: sse.open params must be an object",
		`sse.open(url, {timeout: -1}, () => {})`: `TypeError: timeout must be milliseconds or a duration like "10s", not -1`,
		`sse.open(url, {jar: 1}, () => {})`:      "TypeError: jar must be a CookieJar of k6/http",
	}
	for script, message := range tests {
		b := newBench(t, refuse)
		b.mustRun(`try { ` + script + ` } catch (e) { log(e) }`)
		require.Equal(t, []string{message}, b.log)
	}
	b := newBench(t, refuse)
	_, err := b.runtime.VU.Runtime().RunString(`sse.open(url, () => {})`)
	require.ErrorContains(t, err, "sse.open cannot be used in the init context")
}

func TestOpenIgnoresHandlersThatAreNoFunctions(t *testing.T) {
	b := newBench(t, peer.Stream(false, "data: a\n\n"))
	b.mustRun(`sse.open(url, (client) => { client.on("event", undefined); client.on("close", log) })`)
	require.Empty(t, b.log)
}

func TestOpenReconnects(t *testing.T) {
	b := newBench(t, inTurn(breakOff, noContent))
	b.mustRun(`const params = {reconnect: {delay: 0}};` + openAndLog)
	require.Equal(t, []string{
		"setup", "open", `event ["","","a",""]`, "error reset: the response was cut short",
		"error status: the server answered with status 204 No Content",
		"200 status: the server answered with status 204 No Content",
	}, b.log)
}

func TestOpenInterruption(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"silent":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"waiting":   peer.Stream(true, "data: a\n\n"),
		"streaming": endless,
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1)
			b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				handler(w, r)
			})
			go func() {
				<-asked
				b.runtime.CancelContext()
			}()
			require.NoError(t, b.run(`sse.open(url, (client) => client.on("error", log))`))
			require.Empty(t, b.log)
		})
	}
}

func TestCookies(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		peer.Stream(false, "data: "+r.Header.Get("Cookie")+"\n\n")(w, r)
	})
	b.withCookieJar()
	rt := b.runtime.VU.Runtime()
	require.NoError(t, rt.Set("http", httpmodule.New().NewModuleInstance(b.runtime.VU).Exports().Default))
	b.mustRun(`
		http.cookieJar().set(url, "who", "vu");
		const jar = new http.CookieJar();
		jar.set(url, "who", "own");
		const logData = (client) => client.on("event", (e) => log(e.data));
		sse.open(url, logData);
		sse.open(url, {jar}, logData);
		new EventSource(url).onmessage = (e) => log(e.data);
	`)
	require.Equal(t, []string{"who=vu", "who=own", "who=vu; seen=yes"}, b.log)
}

type wrapped struct{ http.RoundTripper }

func (w wrapped) Unwrap() http.RoundTripper { return w.RoundTripper }

func TestStreamsAreNotBound(t *testing.T) {
	plain := &http.Transport{}
	require.Same(t, plain, unbounded(wrapped{plain}))
	require.Same(t, plain, unbounded(plain))
}
