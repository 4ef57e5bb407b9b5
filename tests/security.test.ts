import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, before, describe, type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { WebSocketServer } from "ws";
import { k6Binary } from "../cli/k6.ts";
import { front, listen } from "./front.ts";
import { countsOf, k6, onlyRecord, run, server, temporaryDirectory } from "./harness.ts";

const TOKEN = "planted.token-7f3a/9c==";
const KEY = "planted key 51e0";
const PASSWORD = "planted-word-22b8";
const SECRETS = { API_TOKEN: TOKEN, API_HEADERS: `X-Api-Key: ${KEY} | X-Tenant: t7` };

/** What the three kinds of streams are asked for with. */
const STREAMS: Record<string, Record<string, string>> = {
  sse: { TRANSPORT: "sse" },
  ws: { TRANSPORT: "ws" },
  "ws by k6 itself": { TRANSPORT: "ws", WS_CLIENT: "k6" },
};
const isStream = ({ url = "" }: IncomingMessage) => /\/(stream|progress)$/.test(url);

/** The command lines of every process of this machine. */
function commandLines(): string {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return ""; // it has ended
      }
    })
    .join("\n");
}

/** Every file under a directory, as text. */
function filesUnder(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) =>
    join(directory, name),
  );
  const texts = files
    .filter((file) => statSync(file).isFile())
    .map((file) => [file, readFileSync(file, "utf8")]);
  return Object.fromEntries(texts);
}

function assertNotTold(told: Record<string, string>): void {
  for (const [where, text] of Object.entries(told)) {
    for (const secret of [TOKEN, KEY, PASSWORD]) {
      const at = text.indexOf(secret);
      assert.equal(at, -1, `${where}: ${text.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }
}

/** A server that lets in who knows the secrets, and repeats them wherever it can: in errors, on streams, in reports. */
async function talkative(t: TestContext) {
  const { url } = await server(t);
  const strangers: string[] = [];
  const known = new Set<string>();
  const sockets = new WebSocketServer({ noServer: true });
  const said = new Set<string>();
  const isFirst = (what: string) => !said.has(what) && said.add(what) !== undefined;
  const told: Record<string, string> = {};

  function check(request: IncomingMessage): boolean {
    const { authorization, "x-api-key": key, "x-tenant": tenant } = request.headers;
    const isKnown = authorization === `Bearer ${TOKEN}` && key === KEY && tenant === "t7";
    const call = `${request.method} ${request.url?.replace(/PlanExe_[\w-]+/, "ID")}`;
    if (isKnown) known.add(call);
    else strangers.push(call);
    return isKnown;
  }
  const echo = `you said ${TOKEN} and ${KEY}`;

  function answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (!check(request)) {
      response.writeHead(401).end(echo);
      return true;
    }
    if (isStream(request)) {
      told["the process list"] = commandLines();
      if (isFirst("refused stream")) {
        response.writeHead(403, echo).end(echo);
        return true;
      }
      if (isFirst("error event")) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`event: task_update\ndata: not JSON: ${echo}\n\n`);
        response.end(`event: error\ndata: {"message":"${echo}"}\n\n`);
        return true;
      }
    }
    if (/\/(files|artefacts)$/.test(request.url ?? "") && isFirst(request.url ?? "")) {
      response.writeHead(500).end(echo);
      return true;
    }
    return false;
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    told["the process list"] = commandLines();
    if (!check(request) || isFirst("refused socket")) {
      socket.end(
        `HTTP/1.1 403 ${echo}\r\ncontent-length: ${echo.length}\r\nconnection: close\r\n\r\n${echo}`,
      );
      return true;
    }
    if (!isFirst("closed socket")) return false;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.send(`not JSON: ${echo}`);
      webSocket.close(1008, echo);
    });
    return true;
  }

  function rewrite(request: IncomingMessage, body: string): string | undefined {
    if (request.url === "/health") return body.replace(/"version":"[^"]*"/, `"version":"1 ${TOKEN}"`);
    if (!request.url?.endsWith("/fallback-report")) return undefined;
    return body.replace(
      /"assembled_html":"/,
      `"assembled_html":"${echo}<script>document.title='owned'</script>`,
    );
  }

  return { url: await front(t, url, { answer, upgrade, rewrite }), strangers, known, told };
}

/** Takes remote writes, and keeps them. Labels are short, so that they stand uncompressed where they come first. */
async function receiver(t: TestContext) {
  const requests: { authorization: string | undefined; body: string }[] = [];
  const taking = createServer(async ({ headers }, response) => {
    const body = (await response.req.setEncoding("latin1").toArray()).join("");
    requests.push({ authorization: headers.authorization, body });
    response.writeHead(204).end();
  });
  return { url: `http://127.0.0.1:${await listen(t, taking)}`, requests };
}

/** What k6's own REST API tells while a run goes on. */
async function restApi(address: string): Promise<string> {
  const paths = ["status", "metrics", "groups", "setup"];
  const texts = paths.map(async (path) => {
    const answer = await fetch(`http://${address}/v1/${path}`, { signal: AbortSignal.timeout(5_000) });
    return answer.text();
  });
  return (await Promise.all(texts)).join("\n");
}

describe("tokens", { concurrency: 3 }, () => {
  for (const [kind, settings] of Object.entries(STREAMS)) {
    test(`reach every request over ${kind}, and no output, whatever the server repeats`, async (t) => {
      const { url, strangers, known, told } = await talkative(t);
      const directory = temporaryDirectory(t);
      const results = join(directory, "results");
      const address = `127.0.0.1:${await freePort(t)}`;
      const variables = {
        BASE_URL: url,
        OUT_DIR: results,
        ONLY: "basic-connection,fallback-report",
        ...settings,
      };
      const args = Object.entries(variables).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
      const outputs = [
        "--summary-export",
        join(directory, "summary.json"),
        "-o",
        `json=${join(directory, "all.json")}`,
      ];
      const { finished, output } = run(
        k6Binary(),
        ["run", "--verbose", "--address", address, ...outputs, ...args, "dist/suite.js"],
        SECRETS,
      );
      let isOver = false;
      void finished.then(() => {
        isOver = true;
      });
      while (!isOver && told["the process list"] === undefined)
        await new Promise((resolve) => setTimeout(resolve, 50));
      told["k6's REST API"] = await restApi(address);
      const { stdout, stderr } = await finished;

      assert.deepEqual(strangers, [], output.stderr);
      const stream = settings.TRANSPORT === "sse" ? "GET /api/plans/ID/stream" : "GET /ws/plans/ID/progress";
      for (const call of [
        "GET /health",
        "GET /metrics",
        "GET /api/models",
        "GET /api/plans",
        "POST /api/plans",
        "GET /api/plans/ID/fallback-report",
        "DELETE /api/plans/ID",
        stream,
      ]) {
        assert.ok(known.has(call), `${call} was not seen, but ${[...known].join(", ")}`);
      }
      const record = onlyRecord(results);
      assert.deepEqual([record.configuration.API_TOKEN, record.configuration.API_HEADERS], ["***", "***"]);
      assert.equal(record.target.version, "1 ***");
      const words = JSON.stringify(record);
      assert.match(words, /you said \*\*\* and \*\*\*/, "the server's words are not there at all");
      const files = filesUnder(directory);
      const fallbacks = Object.entries(files).filter(([name]) => /fallback-.*html$/.test(name));
      assert.ok(fallbacks.length > 0);
      for (const [, html] of fallbacks)
        assert.match(html, /<iframe sandbox [^>]*srcdoc="[^"]*you said \*\*\*/);
      assertNotTold({ stdout, stderr, ...told, ...files });
    });
  }

  test("reach the server from npm start, as Prometheus' own do that one, and no log of k6 that it keeps", async (t) => {
    const { url, strangers, told } = await talkative(t);
    const { url: prometheus, requests } = await receiver(t);
    const directory = temporaryDirectory(t);
    const args = ["dist/start.mjs", "--ws", url, "--only", "basic-connection", "--out", directory, "--json"];
    const { stdout, stderr } = await run(process.execPath, [...args, "--prometheus", prometheus], {
      ...SECRETS,
      K6_PROMETHEUS_RW_USERNAME: "somebody",
      K6_PROMETHEUS_RW_PASSWORD: PASSWORD,
    }).finished;
    assert.deepEqual(strangers, [], stderr);
    const basic = `Basic ${Buffer.from(`somebody:${PASSWORD}`).toString("base64")}`;
    assert.ok(requests.length > 2, `${requests.length} requests`);
    assert.deepEqual([...new Set(requests.map(({ authorization }) => authorization))], [basic]);
    const files = filesUnder(directory);
    assert.ok(Object.keys(files).some((name) => name.endsWith("k6.log")));
    assert.match(told["the process list"] ?? "", /k6\0run\0/);
    assertNotTold({ stdout, stderr, ...told, ...files, series: requests.map(({ body }) => body).join("\n") });
  });

  const refused: [string, readonly string[], Record<string, string>, RegExp][] = [
    ["in the command line", ["-e", `API_TOKEN=${TOKEN}`], {}, /API_TOKEN is in the command line.*export it/],
    [
      "in the command line as headers",
      [`--env=API_HEADERS=X-K:${TOKEN}`],
      {},
      /API_HEADERS is in the command line/,
    ],
    ["while k6 prints requests", ["--http-debug=full"], SECRETS, /httpDebug would print API_TOKEN/],
    ["with a space", [], { API_TOKEN: `${TOKEN} x` }, /API_TOKEN is wrong: it must be a token/],
    [
      "in a header without a name",
      [],
      { API_HEADERS: KEY },
      /API_HEADERS is wrong: it must be headers such as/,
    ],
    [
      "in BASE_URL",
      ["-e", `BASE_URL=http://me:${KEY}@127.0.0.1`],
      {},
      /BASE_URL is \S+http:\/\/\*\*\*@127\.0\.0\.1\S+: it holds/,
    ],
    [
      "in what BASE_URL asks for",
      ["-e", `BASE_URL=http://127.0.0.1/?t=${TOKEN}`],
      {},
      /BASE_URL is .*must be a URL/,
    ],
  ];
  for (const [where, args, env, sentence] of refused) {
    test(`${where} are refused, and not repeated`, async (t) => {
      const { url } = await server(t);
      const directory = temporaryDirectory(t);
      const settings = ["-e", `OUT_DIR=${directory}`, "-e", `BASE_URL=${url}`];
      const { code, stdout, stderr } = await run(
        k6Binary(),
        ["run", "--quiet", ...settings, ...args, "dist/suite.js"],
        env,
      ).finished;
      assert.equal(code, 108, stderr);
      assert.match(stderr, sentence);
      assertNotTold({ stdout, stderr });
      assert.deepEqual(readdirSync(directory), []);
    });
  }

  test("a server that wants one says what to set", async (t) => {
    const { url } = await talkative(t);
    const { code, stderr } = await k6("suite", { BASE_URL: url, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 108);
    assert.match(stderr, /GET \/health answered 401\): set API_TOKEN or API_HEADERS/);
  });
});

async function freePort(t: TestContext): Promise<number> {
  const taken = createServer();
  const port = await listen(t, taken);
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

/** A server that only counts who comes. */
async function elsewhere(t: TestContext) {
  const visitors: string[] = [];
  const counting = createServer((request, response) => {
    visitors.push(`${request.method} ${request.url}`);
    response.end("{}");
  });
  counting.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    visitors.push(`upgrade ${request.url}`);
    socket.destroy();
  });
  return { url: `http://127.0.0.1:${await listen(t, counting)}`, visitors };
}

describe("the guard on remote targets", { concurrency: 3 }, () => {
  test("looks at the address that a name leads to, and not at the name", async (t) => {
    const target = await server(t, "--host", "0.0.0.0");
    const directory = temporaryDirectory(t);
    const config = join(directory, "k6.json");
    // 0.0.0.0 is no address of this machine to the guard; were it passed, the system would connect to this machine.
    writeFileSync(config, JSON.stringify({ hosts: { localhost: "0.0.0.0" } }));
    const BASE_URL = `http://localhost:${new URL(target.url).port}`;
    const args = [
      "run",
      "--quiet",
      "--config",
      config,
      "-e",
      `BASE_URL=${BASE_URL}`,
      "-e",
      `OUT_DIR=${directory}/out`,
    ];
    const { code, stderr } = await run(k6Binary(), [...args, "dist/suite.js"]).finished;
    assert.equal(code, 108, stderr);
    assert.match(
      stderr,
      /leads elsewhere than to this machine, and nothing was sent there: correct \/etc\/hosts/,
    );
    assert.equal(existsSync(join(directory, "out")), false);
    assert.equal((await countsOf(target)).plans, 0);
  });

  test("cannot be replaced by k6's own list", async (t) => {
    const { url } = await server(t);
    const args = ["run", "--quiet", "--blacklist-ip", "10.0.0.0/8", "-e", `BASE_URL=${url}`, "dist/suite.js"];
    const { code, stderr } = await run(k6Binary(), args).finished;
    assert.equal(code, 108, stderr);
    assert.match(stderr, /leave out --blacklist-ip/);
  });

  test("no option of k6 leaves out what keeps a run right", async (t) => {
    const { url, ...target } = await server(t);
    const directory = temporaryDirectory(t);
    const settings = ["-e", `BASE_URL=${url}`, "-e", `OUT_DIR=${directory}`];
    const refused: [args: string[], env: Record<string, string>, sentence: RegExp][] = [
      [["--no-setup"], {}, /leave out --no-setup/],
      [["--no-teardown"], {}, /leave out --no-teardown/],
      [["--rps=5"], {}, /leave out --rps/],
      [["--tag=team=a"], {}, /leave out --tag .*or add --features merge-run-tags/],
      [["--tag=testid=mine"], {}, /leave out --tag .*or add --features merge-run-tags/],
      [["--summary-mode=disabled"], {}, /leave out --summary-mode/],
      [[], { K6_SUMMARY_MODE: "disabled" }, /leave out --summary-mode/],
      [["--new-machine-readable-summary"], {}, /leave out --new-machine/],
      [[], { K6_NEW_MACHINE_READABLE_SUMMARY: "true" }, /leave out --new-machine/],
    ];
    for (const [args, env, sentence] of refused) {
      const all = ["run", "--quiet", ...settings, ...args, "dist/multiple-clients.js"];
      const { code, stderr } = await run(k6Binary(), all, env).finished;
      assert.equal(code, 108, stderr);
      assert.match(stderr, sentence);
    }
    assert.deepEqual(readdirSync(directory), []);
    assert.equal((await countsOf({ url, ...target })).plans, 0);
  });

  test("a server that redirects is not followed, and named", async (t) => {
    const { url } = await server(t);
    const { url: location, visitors } = await elsewhere(t);
    const redirecting = await front(t, url, {
      answer: (_, response) => response.writeHead(307, { location }).end() !== undefined,
    });
    const { code, stderr } = await k6("suite", { BASE_URL: redirecting, OUT_DIR: temporaryDirectory(t) })
      .finished;
    assert.equal(code, 108);
    assert.match(stderr, /redirects \(GET \/health answered 307\).*set BASE_URL to where it leads/);
    assert.deepEqual(visitors, []);
  });

  for (const [kind, settings] of Object.entries(STREAMS)) {
    test(`streams over ${kind}, and calls in the middle, are not redirected`, async (t) => {
      const { url } = await server(t);
      const { url: location, visitors } = await elsewhere(t);
      const isRedirected = (request: IncomingMessage) =>
        isStream(request) ||
        /\/(metrics|details|files)$/.test(request.url ?? "") ||
        request.method === "DELETE";
      const redirecting = await front(t, url, {
        answer: (request, response) =>
          isRedirected(request) && response.writeHead(307, { location }).end() !== undefined,
        upgrade: (_, socket) =>
          socket.end(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`) !==
          undefined,
      });
      const directory = temporaryDirectory(t);
      await k6("basic-connection", { BASE_URL: redirecting, OUT_DIR: directory, ...settings }).finished;
      const [basic] = onlyRecord(directory).tests;
      assert.ok((basic?.outcomes.refused ?? 0) > 0, JSON.stringify(basic?.outcomes));
      assert.deepEqual(visitors, []);
    });
  }
});

describe("TLS", { concurrency: 3 }, () => {
  let certificate: { cert: Buffer; key: Buffer; file: string };
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  after(() => rmSync(directory, { recursive: true }));
  before(() => {
    const { stdout: root } = spawnSync("go", ["env", "GOROOT"], { encoding: "utf8" });
    const program = join(root.trim(), "src/crypto/tls/generate_cert.go");
    const args = ["run", program, "--host", "127.0.0.1", "--ca", "--ecdsa-curve", "P256"];
    const { status, stderr } = spawnSync("go", args, { cwd: directory, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const file = join(directory, "cert.pem");
    certificate = { cert: readFileSync(file), key: readFileSync(join(directory, "key.pem")), file };
  });

  /** A reference server behind TLS. */
  async function secured(t: TestContext): Promise<string> {
    const { url } = await server(t);
    const { cert, key } = certificate;
    const terminating = createTlsServer({ cert, key }, (socket) => {
      const behind = connect(Number(new URL(url).port), "127.0.0.1");
      behind.on("error", () => socket.destroy());
      socket.on("error", () => behind.destroy());
      socket.pipe(behind).pipe(socket);
    });
    terminating.on("tlsClientError", () => {});
    return `https://127.0.0.1:${await listen(t, terminating)}`;
  }

  test("a certificate that nobody vouches for is refused, in a sentence that says what to do", async (t) => {
    const BASE_URL = await secured(t);
    const { code, stderr } = await k6("suite", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 108);
    assert.match(
      stderr,
      /has a certificate that is not trusted \(.*\): set SSL_CERT_FILE .*K6_INSECURE_SKIP_TLS_VERIFY=true/,
    );
  });

  for (const [kind, settings] of Object.entries(STREAMS)) {
    test(`with SSL_CERT_FILE it is verified, over ${kind}`, async (t) => {
      const directory = temporaryDirectory(t);
      const variables = { BASE_URL: await secured(t), OUT_DIR: directory, ...settings };
      const args = Object.entries(variables).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
      const { code, stderr } = await run(
        k6Binary(),
        ["run", "--quiet", ...args, "dist/multiple-clients.js"],
        { SSL_CERT_FILE: certificate.file },
      ).finished;
      assert.equal(code, 0, stderr);
      assert.deepEqual(onlyRecord(directory).findings, []);
    });
  }

  test("unverified it runs where k6 is told so, and the record says it", async (t) => {
    const directory = temporaryDirectory(t);
    const args = [
      "-e",
      `BASE_URL=${await secured(t)}`,
      "-e",
      `OUT_DIR=${directory}`,
      "dist/multiple-clients.js",
    ];
    const { code, stderr } = await run(k6Binary(), ["run", "--quiet", "--insecure-skip-tls-verify", ...args])
      .finished;
    assert.equal(code, 0, stderr);
    assert.match(onlyRecord(directory).findings.join(), /TLS certificates were not verified/);
  });
});

/** More brackets than a parser that recurses has stack for; as the data of an event they come in lines. */
const BRACKETS = "[".repeat(12 * 2 ** 20);

describe("JSON that only opens", { concurrency: 2 }, () => {
  test("in an answer is no plan API, and does not end k6", async (t) => {
    const { url } = await server(t);
    const BASE_URL = await front(t, url, { rewrite: () => BRACKETS });
    const { code, stderr } = await k6("suite", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 108, stderr.slice(0, 500));
    assert.match(stderr, /is no plan API: GET \/health answered 200/);
  });

  test("on a stream is a frame that cannot be read, and does not end k6", async (t) => {
    const { url } = await server(t);
    const lines = BRACKETS.match(/.{1,1000000}/g) ?? [];
    const BASE_URL = await front(t, url, {
      answer(request, response) {
        if (!isStream(request)) return false;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(`event: task_update\n${lines.map((line) => `data: ${line}\n`).join("")}\n`);
        return true;
      },
    });
    const directory = temporaryDirectory(t);
    const { code, stderr } = await k6("multiple-clients", { BASE_URL, OUT_DIR: directory }).finished;
    assert.equal(code, 99, stderr.slice(0, 500));
    const { state, tests } = onlyRecord(directory);
    assert.equal(state, "complete");
    assert.match(tests[0]?.findings.join() ?? "", /\[\[\[/);
  });
});
