package xk6sse

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// buildK6 builds a k6 as `xk6 build --with github.com/plan-load/xk6-sse=.` does: from a main module that imports
// nothing but k6 and this one. Only the versions are those of this module's go.mod, so that nothing is downloaded.
func buildK6(t *testing.T) string {
	t.Helper()
	here, err := os.Getwd()
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	read := func(name string) string {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(content)
	}
	write("go.mod", strings.Replace(read("go.mod"), "module github.com/plan-load/xk6-sse", "module k6", 1)+
		"\nrequire github.com/plan-load/xk6-sse v0.0.0\nreplace github.com/plan-load/xk6-sse => "+here+"\n")
	write("go.sum", read("go.sum"))
	write("main.go", `package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "github.com/plan-load/xk6-sse"
)

func main() { cmd.Execute() }
`)
	build := exec.Command("go", "build", "-mod=mod", "-o", "k6", ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "GOPROXY=off")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	return filepath.Join(folder, "k6")
}

// run is a run of k6.
type run struct {
	imports string // default: import sse, { EventSource } from "k6/x/sse"
	options string // a JavaScript object
	script  string // the body of an iteration; log() takes what the test looks at
	env     []string
	log     []string // parts of what it passes to log()
}

// logData are the events of an EventSource of the address URL, and how it ends.
const logData = `
	const es = new EventSource(URL);
	es.onmessage = (e) => log(e.data);
	es.onerror = (e) => log(e.kind, e.message);
`

func (r run) check(t *testing.T, k6, address string) {
	t.Helper()
	if r.imports == "" {
		r.imports = `import sse, { EventSource } from "k6/x/sse";`
	}
	output := runK6(t, k6, fmt.Sprintf(`%s
		const URL = %q;
		const log = (...parts) => console.log("> " + parts.join(" "));
		export const options = %s;
		export default function () { %s }
	`, r.imports, address, r.options, r.script), r.env)
	logged := []string{}
	for line := range strings.Lines(output) {
		if text, isOurs := strings.CutPrefix(line, "> "); isOurs {
			logged = append(logged, strings.TrimSpace(text))
		}
	}
	require.Len(t, logged, len(r.log), output)
	for i, want := range r.log {
		require.Contains(t, logged[i], want)
	}
}

// runK6 runs a script, which must succeed, and returns what k6 has said.
func runK6(t *testing.T, k6, script string, env []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.js")
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, k6, "run", "--quiet", "--address", "127.0.0.1:0", "--log-output", "stdout",
		"--log-format", "raw", file)
	command.Env = append(os.Environ(), "K6_AUTO_EXTENSION_RESOLUTION=false", "K6_NO_USAGE_REPORT=true")
	command.Env = append(command.Env, env...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

// tell answers with an event that tells what the server sees of the client.
func tell(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/redirect":
		http.Redirect(w, r, "/", http.StatusFound)
		return
	case "/missing":
		http.NotFound(w, r)
		return
	case "/broken":
		panic(http.ErrAbortHandler)
	}
	if websocket.IsWebSocketUpgrade(r) {
		tellOverWebSocket(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	version := ""
	if r.TLS != nil {
		version = tls.VersionName(r.TLS.Version)
	}
	_, _ = fmt.Fprintf(w, ": comment\nid: 1\ndata: %s %s %s %s %s\n\n", r.Host, client, r.Proto, version, r.UserAgent())
}

func tellOverWebSocket(w http.ResponseWriter, r *http.Request) {
	connection, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	_ = connection.WriteMessage(websocket.TextMessage, []byte("over WebSocket"))
	_ = connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	_, _, _ = connection.ReadMessage()
}

func port(t *testing.T, server *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return port
}

func TestK6(t *testing.T) {
	k6 := buildK6(t)
	var connections atomic.Int32
	plain := httptest.NewUnstartedServer(http.HandlerFunc(tell))
	plain.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	plain.Start()
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(tell))
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	proxy := newProxy(t)
	hosts := fmt.Sprintf(`{hosts: {"stream.test": "127.0.0.1:%s"}}`, port(t, plain))
	secureHosts := fmt.Sprintf(`{insecureSkipTLSVerify: true, hosts: {"stream.test": "127.0.0.1:%s"}}`, port(t, secure))

	tests := map[string]struct {
		run
		url string // default: that of the plain server
	}{
		"default import": {run: run{
			imports: `import sse from "k6/x/sse";`,
			script:  `log(typeof sse.open, typeof sse.EventSource); sse.open(URL, (client) => client.on("event", (e) => log(e.id)))`,
			log:     []string{"function function", "1"}}},
		"named import": {run: run{
			imports: `import { open, EventSource } from "k6/x/sse";`,
			script:  `open(URL, (client) => client.on("event", (e) => log(e.id))); new EventSource(URL).onmessage = (e) => log(e.lastEventId)`,
			log:     []string{"1", "1"}}},
		"namespace import": {run: run{
			imports: `import * as sse from "k6/x/sse";`,
			script:  `sse.open(URL, (client) => client.on("event", (e) => log(e.id))); new sse.EventSource(URL).onmessage = (e) => log(e.lastEventId)`,
			log:     []string{"1", "1"}}},
		"a script of the community extension": {run: run{
			imports: `import sse from "k6/x/sse"; import { check } from "k6";`,
			options: `{thresholds: {checks: ["rate==1"], sse_event: ["count==1"]}}`,
			script: `
				const params = {method: "GET", headers: {Authorization: "Bearer XXXX"}, tags: {my_k6s_tag: "hello sse"}};
				const response = sse.open(URL, params, function (client) {
					client.on("open", function open() { log("connected") });
					client.on("event", function (event) {
						log("event id=" + event.id + ", name=" + event.name + ", comment=" + event.comment);
						if (parseInt(event.id) === 1) client.close();
					});
					client.on("error", function (e) { log("An unexpected error occurred: ", e.error()) });
				});
				check(response, {"status is 200": (r) => r && r.status === 200});`,
			log: []string{"connected", "event id=1, name=, comment=comment"}}},

		"hosts": {url: "http://stream.test", run: run{options: hosts, script: logData,
			log: []string{"stream.test", "end"}}},
		"blockHostnames": {url: "http://stream.test", run: run{options: `{blockHostnames: ["*.test"]}`, script: logData,
			log: []string{"connect hostname (stream.test) is in a blocked pattern"}}},
		"blacklistIPs": {run: run{options: `{blacklistIPs: ["127.0.0.0/8"]}`, script: logData,
			log: []string{"connect IP (127.0.0.1) is in a blacklisted range"}}},
		"localIPs": {run: run{env: []string{"K6_LOCAL_IPS=127.0.0.7"}, script: logData,
			log: []string{"127.0.0.7 HTTP/1.1", "end"}}},
		"userAgent": {run: run{options: `{userAgent: "mine"}`, script: logData, log: []string{"mine", "end"}}},
		"userAgent of k6/http": {run: run{imports: `import { EventSource } from "k6/x/sse"; import http from "k6/http";`,
			script: `new EventSource(URL).onmessage = (e) => log(http.get(URL).body.includes(e.data), e.data)`,
			log:    []string{"true "}}},
		"maxRedirects": {run: run{options: `{maxRedirects: 0}`, script: `new EventSource(URL + "/redirect").onerror = (e) => log(e.status)`,
			log: []string{"302"}}},
		"redirects are followed": {run: run{script: `new EventSource(URL + "/redirect").onerror = (e) => log(e.status)`,
			log: []string{"200"}}},
		"throw": {run: run{options: `{throw: true}`, script: `
				try { sse.open(URL + "/broken", () => {}) } catch (e) { log("thrown", e) }
				log(sse.open(URL + "/missing", () => {}).status)`,
			log: []string{"thrown GoError: reset: ", "404"}}},

		"TLS is verified": {url: secure.URL, run: run{script: logData, log: []string{"connect tls: failed to verify certificate"}}},
		"HTTP/2":          {url: secure.URL, run: run{options: `{insecureSkipTLSVerify: true}`, script: logData, log: []string{"HTTP/2.0 TLS 1.3", "end"}}},
		"tlsVersion": {url: secure.URL, run: run{options: `{insecureSkipTLSVerify: true, tlsVersion: "tls1.2"}`, script: logData,
			log: []string{"TLS 1.2", "end"}}},

		"HTTP_PROXY": {url: "http://stream.test", run: run{env: []string{"HTTP_PROXY=" + proxy}, script: logData,
			log: []string{"by the proxy: http://stream.test/", "end"}}},
		"NO_PROXY": {url: "http://stream.test", run: run{env: []string{"HTTP_PROXY=" + proxy, "NO_PROXY=stream.test"},
			options: hosts, script: logData, log: []string{"stream.test", "end"}}},
		"HTTPS_PROXY": {url: fmt.Sprintf("https://127-0-0-1.test:%s", port(t, secure)),
			run: run{env: []string{"HTTPS_PROXY=" + proxy}, options: `{insecureSkipTLSVerify: true}`, script: logData,
				log: []string{"HTTP/2.0", "end"}}},
		"hosts over TLS": {url: "https://stream.test", run: run{options: secureHosts, script: logData,
			log: []string{"stream.test", "end"}}},

		"metrics": {run: run{
			options: `{iterations: 1, systemTags: ["name", "url", "status", "proto", "method"], thresholds: {
				"sse_sessions{name:one}": ["count==1"], "sse_sessions{url:one}": ["count==1"],
				"sse_sessions{status:200,proto:HTTP/1.1,method:GET}": ["count==3"],
				sse_sessions: ["count==4"], sse_connecting: ["avg>0"], sse_time_to_first_event: ["avg>0"],
				sse_session_duration: ["avg>0"], sse_queue_delay: ["max>=0"], sse_events_received: ["count>=3"],
				sse_data_received: ["count>0"], sse_reconnects: ["count==1"], "sse_errors{kind:status}": ["count==1"],
				"sse_event": ["count==1"], data_received: ["count>0"]}}`,
			script: `
				new EventSource(URL, {tags: {name: "one"}});
				new EventSource(URL, {reconnect: {maxAttempts: 1, delay: 0}}).onopen = function () { this.onopen = () => this.close() };
				new EventSource(URL + "/missing");
				sse.open(URL, () => {})`,
			log: []string{}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.options == "" {
				test.options = "{}"
			}
			if test.url == "" {
				test.url = plain.URL
			}
			test.check(t, k6, test.url)
		})
	}

	t.Run("README", func(t *testing.T) { checkREADME(t, k6, plain.URL) })

	for option, want := range map[string]int32{"false": 1, "true": 5} {
		t.Run("noConnectionReuse "+option, func(t *testing.T) {
			connections.Store(0)
			run{
				options: fmt.Sprintf(`{iterations: 5, noConnectionReuse: %s}`, option),
				script:  `new EventSource(URL)`,
			}.check(t, k6, plain.URL)
			require.Equal(t, want, connections.Load())
		})
	}
}

// readmeScripts are what the whole scripts of the README say of the server's answers, in their order.
var readmeScripts = [][]string{
	{"127.0.0.1", "end the server ended the stream"},
	{"end 200"},
	{"the first one is there", "over WebSocket", "end 1000 closed with 1000"},
	{"connected", "127.0.0.1"},
}

// checkREADME runs every whole script of the README, with the server in place of example.com.
func checkREADME(t *testing.T, k6, server string) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	here := strings.NewReplacer(
		"https://example.com", server, "wss://example.com", "ws"+strings.TrimPrefix(server, "http"), "60_000", "1_000",
	)
	var scripts []string
	for _, part := range strings.Split(string(readme), "```js\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		if strings.Contains(example, "export default") {
			scripts = append(scripts, here.Replace(example))
		}
	}
	require.Len(t, scripts, len(readmeScripts))
	for i, said := range readmeScripts {
		output := runK6(t, k6, scripts[i], nil)
		for _, text := range said {
			require.Contains(t, output, text, scripts[i])
		}
		require.NotContains(t, output, "Uncaught", scripts[i])
	}
}

// newProxy returns the URL of an HTTP proxy that answers plain requests itself and tunnels all others to this machine.
func newProxy(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnel(w, r.Host)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: by the proxy: %s\n\n", r.URL)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func tunnel(w http.ResponseWriter, address string) {
	_, port, _ := net.SplitHostPort(address)
	server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}
