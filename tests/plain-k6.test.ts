import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PROFILES } from "../run/settings.ts";
import { TEST_NAMES } from "../scenarios/names.ts";
import { countsOf, k6, onlyRecord, run, server, temporaryDirectory, until } from "./harness.ts";

/** An HTTP server that answers everything alike. */
async function alike(t: TestContext, status: number, body: string): Promise<string> {
  const http = createServer((_, response) =>
    response.writeHead(status, { "content-type": "text/html" }).end(body),
  );
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

/**
 * A plan API without streams. Whoever creates a plan waits for the answer for `createMs`, and with `listsLate` nobody sees
 * the plan before; calls whose path ends in `silent` are never answered.
 */
async function planApi(
  t: TestContext,
  { createMs = 0, listsLate = false, deletes = true, silent = "nothing" },
) {
  const plans = new Map<string, object>();
  const asked: string[] = [];
  const fixed: Record<string, () => unknown> = {
    "/health": () => ({ status: "healthy" }),
    "/api/models": () => [{ id: "m" }],
    "/api/plans": () => [...plans.values()],
  };
  const idIn = (url: string) => url.replace("/api/plans/", "");
  async function create(body: string): Promise<object> {
    const { prompt } = JSON.parse(body) as { prompt: string };
    const plan = { plan_id: `plan-${plans.size}`, status: "running", prompt };
    if (!listsLate) plans.set(plan.plan_id, plan);
    await new Promise((resolve) => setTimeout(resolve, createMs));
    if (listsLate) plans.set(plan.plan_id, plan);
    return plan;
  }
  function remove(url: string): object {
    if (deletes) plans.delete(idIn(url));
    return { message: "deleted" };
  }
  const methods: Record<string, (url: string, body: string) => unknown> = {
    GET: (url) => fixed[url]?.() ?? plans.get(idIn(url)),
    POST: (_, body) => create(body),
    DELETE: (url) => remove(url),
  };
  const http = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("");
    asked.push(`${request.method} ${request.url}`);
    if (request.url?.endsWith(silent)) return;
    const answer = await methods[request.method ?? ""]?.(request.url ?? "", body);
    const status = answer === undefined ? 404 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, plans, asked };
}

const bySelf = process.getuid?.() === 0 ? "root may write everywhere" : false;

describe("k6 run dist/<test>.js", { concurrency: 3 }, () => {
  for (const script of [...TEST_NAMES, "suite"]) {
    test(`${script}: parses in every profile, and k6 starts all of it at once`, async () => {
      for (const PROFILE of PROFILES) {
        const { finished } = run("bin/k6", ["inspect", "-e", `PROFILE=${PROFILE}`, `dist/${script}.js`]);
        const { code, stdout, stderr } = await finished;
        assert.equal(code, 0, stderr);
        const { scenarios } = JSON.parse(stdout) as { scenarios: Record<string, Record<string, string>> };
        // Each by its own gate; when k6 cuts them is in run/runplan.test.ts.
        for (const { startTime, executor } of Object.values(scenarios)) {
          assert.deepEqual([secondsOf(startTime ?? "0s"), executor], [0, "per-vu-iterations"]);
        }
      }
    });
  }

  test("writes a record and a report, prints the verdicts, and exits with 0", async (t) => {
    const { url } = await server(t);
    const directory = temporaryDirectory(t);
    const settings = { BASE_URL: url, TRANSPORT: "sse", OUT_DIR: directory, RELEASE: "r-1.2" };
    const { code, stdout, stderr } = await k6("multiple-clients", settings).finished;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /✓ met +Message delivery rate +100 % +\(target 100 %\)/);
    const record = onlyRecord(directory);
    assert.match(record.runId, /^\d{8}T\d{6}Z-multiple-clients-r-1\.2-sse-smoke-[0-9a-f]{4}$/);
    assert.equal(record.k6, "v2.2.0");
    assert.match(record.command, /k6 run .*dist\/multiple-clients\.js$/);
    assert.equal(record.tests[0]?.outcomes.completed, 15);
    const { messages, due, delivered } = record.tests[0]?.tally.counts ?? {};
    assert.deepEqual([messages, delivered], [900, due]);
    const report = readFileSync(join(directory, record.runId, "report.html"), "utf8");
    assert.match(report, /<title>SIMULATED SERVER \(healthy\)/);
    assert.equal(record.target.process, `${url}/metrics`);
    assert.ok(
      report.includes(`<dd>${url}/metrics</dd>`),
      "the report does not say where the process was seen",
    );
    assert.deepEqual(readdirSync(join(directory, record.runId)).sort(), [
      "junit.xml",
      "report.html",
      "run.json",
    ]);
  });

  test("endurance looks at the process of a server that has no /metrics", async (t) => {
    const { url, pid } = await server(t, "--no-metrics");
    const directory = temporaryDirectory(t);
    await k6("endurance", { BASE_URL: url, OUT_DIR: directory }).finished;
    const { state, target, targets, samples } = onlyRecord(directory);
    assert.equal(state, "complete");
    assert.equal(target.process, `process ${pid} (node), which listens on port ${new URL(url).port}`);
    assert.ok(samples.kept.length > 20, `${samples.kept.length} samples`);
    for (const { residentBytes, cpuSeconds, threads, openFiles } of samples.kept) {
      assert.ok((residentBytes ?? 0) > 30 * 2 ** 20, `${residentBytes} bytes`);
      assert.ok((cpuSeconds ?? 0) > 0 && (threads ?? 0) > 1 && (openFiles ?? 0) > 10);
    }
    const last = samples.kept.at(-1);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const now = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
    assert.ok(
      Math.abs((last?.residentBytes ?? 0) / now - 1) < 0.25,
      `${last?.residentBytes} bytes, now ${now}`,
    );
    const reasonOf = (id: string) => targets.find((judged) => judged.id === id)?.reason ?? "";
    assert.match(reasonOf("memory-stability"), /too short for a slope/);
    assert.match(reasonOf("resource-stability"), /threads \d+ to \d+, open files \d+ to \d+/);
  });

  test("SERVER_METRICS_URL is believed, whatever else there is to see", async (t) => {
    const { url } = await server(t);
    const SERVER_METRICS_URL = await alike(t, 200, "process_resident_memory_bytes 7\n");
    const directory = temporaryDirectory(t);
    const settings = { BASE_URL: url, OUT_DIR: directory, SERVER_METRICS_URL };
    await k6("multiple-clients", settings).finished;
    const { target, samples } = onlyRecord(directory);
    assert.equal(target.process, SERVER_METRICS_URL);
    assert.ok(samples.kept.length > 0);
    assert.ok(samples.kept.every(({ residentBytes, threads }) => residentBytes === 7 && threads === null));
  });

  test("lists every call of a plan's life as working, with the time until ready", async (t) => {
    const { url } = await server(t);
    const directory = temporaryDirectory(t);
    await k6("basic-connection", { BASE_URL: url, TRANSPORT: "ws", OUT_DIR: directory }).finished;
    const [basic] = onlyRecord(directory).tests;
    const working = basic?.calls.filter((call) => call.working).map(({ call }) => call);
    const life = ["GET /api/models", "POST /api/plans", "GET /api/plans", "DELETE /api/plans/{id}"];
    const ofPlan = ["", "/stream-status", "/files", "/details", "/report"].map(
      (path) => `GET /api/plans/{id}${path}`,
    );
    for (const call of [...life, ...ofPlan])
      assert.ok(working?.includes(call), `${call}: ${working?.join(", ")}`);
    assert.equal(
      Object.values(basic?.timings["time-to-ready"] ?? {}).reduce((a, b) => a + b, 0),
      3,
    );
  });

  test("the calls that a server lost are listed as not working", async (t) => {
    const { url } = await planApi(t, {});
    const directory = temporaryDirectory(t);
    await k6("basic-connection", { BASE_URL: url, TRANSPORT: "ws", OUT_DIR: directory }).finished;
    const record = onlyRecord(directory);
    assert.equal(record.targets.find(({ id }) => id === "connection-success")?.verdict, "missed");
    assert.ok((record.tests[0]?.outcomes.refused ?? 0) > 0);
  });

  test("calls of a plan's life that a server does not keep are found, and of one without an answer nothing is known", async (t) => {
    const { url } = await planApi(t, { silent: "/files" });
    const directory = temporaryDirectory(t);
    await k6("basic-connection", { BASE_URL: url, OUT_DIR: directory }).finished;
    const record = onlyRecord(directory);
    const findings = record.tests[0]?.findings ?? [];
    const errors = record.targets.find(({ id }) => id === "server-errors");
    assert.equal(errors?.verdict, "no data", "what was not answered may have been a 5xx");
    assert.match(errors?.reason ?? "", /\d+ of \d+ requests were not answered/);
    assert.ok(findings.includes("GET /api/plans/{id}/details answered 404"), findings.join("\n"));
    assert.ok(findings.includes("GET /api/plans/{id}/files was not answered: request timeout"));
    assert.ok(!findings.some((text) => text.includes("not asked")), "what was not asked is no finding");
    assert.ok(
      !findings.some((text) => text.includes("/report")),
      "a plan that is not completed owes no report",
    );
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ["an unknown TRANSPORT", { TRANSPORT: "wss" }, /TRANSPORT is \\"wss\\": allowed are sse, ws/],
    ["a misspelt name", { BASE_ULR: "http://localhost" }, /no setting BASE_ULR: the nearest is BASE_URL/],
    ["an unknown PROFILE", { PROFILE: "big" }, /PROFILE is \\"big\\": allowed are smoke, baseline/],
    ["an unknown test", { ONLY: "nope" }, /ONLY is \\"nope\\": allowed are basic-connection/],
    ["a BASE_URL that is no URL", { BASE_URL: "localhost" }, /BASE_URL is \\"localhost\\": it must be a URL/],
    ["a host that is not allowed", { BASE_URL: "http://example.test" }, /set ALLOW_REMOTE=example\.test/],
    [
      "a server that is not there",
      { BASE_URL: "http://127.0.0.1:1" },
      /BASE_URL http:\/\/127\.0\.0\.1:1 cannot be reached/,
    ],
  ];
  for (const [what, settings, sentence] of wrong) {
    test(`${what} stops the run before any load`, async (t) => {
      const directory = temporaryDirectory(t);
      const { code, stdout, stderr } = await k6("suite", { ...settings, OUT_DIR: directory }).finished;
      assert.equal(code, 108, stderr);
      assert.match(stderr, sentence);
      assert.equal(
        stderr
          .trim()
          .split("\n")
          .filter((line) => line.includes("level=error")).length,
        1,
        stderr,
      );
      assert.deepEqual(readdirSync(directory), []);
      assert.doesNotMatch(stdout, /met/);
    });
  }

  for (const [what, status, body] of [
    ["answers 404", 404, "not here"],
    ["answers HTML", 200, "<html>welcome</html>"],
  ] as const) {
    test(`a server that ${what} is no plan API`, async (t) => {
      const BASE_URL = await alike(t, status, body);
      const { code, stderr } = await k6("suite", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
      assert.equal(code, 108);
      assert.match(stderr, new RegExp(`is no plan API: GET /health answered ${status}`));
    });
  }

  test("an answer without an end is read up to a limit", async (t) => {
    let isOpen = true;
    const http = createServer((_, response) => {
      const more = () => {
        while (isOpen && response.write("x".repeat(1 << 20)));
      };
      response.on("drain", more);
      more();
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      isOpen = false;
      http.closeAllConnections();
      http.close();
    });
    const BASE_URL = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const { code, stderr } = await k6("suite", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 108);
    assert.match(stderr, /cannot be reached \([^)]*the answer is longer than 32 MiB/);
  });

  test("results that cannot be written stop the run before any load", async (t) => {
    const target = await server(t);
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "file"), "");
    const settings = { BASE_URL: target.url, OUT_DIR: join(directory, "file") };
    const { code, stderr } = await k6("suite", settings).finished;
    assert.equal(code, 108);
    assert.match(stderr, /cannot write results to .*OUT_DIR/);
    assert.equal((await countsOf(target)).plans, 0);
  });

  test("results that may not be written stop the run before any load", { skip: bySelf }, async (t) => {
    const { url } = await server(t);
    const directory = temporaryDirectory(t);
    chmodSync(directory, 0o500);
    const { code, stderr } = await k6("suite", { BASE_URL: url, OUT_DIR: directory }).finished;
    assert.equal(code, 108);
    assert.match(stderr, /permission denied/);
  });

  test("a run id is not used twice", async (t) => {
    const { url } = await server(t);
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, "mine"));
    writeFileSync(join(directory, "mine", "run.json"), "precious");
    const { code, stderr } = await k6("suite", { BASE_URL: url, OUT_DIR: directory, RUN_ID: "mine" })
      .finished;
    assert.equal(code, 108, stderr);
    assert.equal(readFileSync(join(directory, "mine", "run.json"), "utf8"), "precious");
  });

  for (const TRANSPORT of ["sse", "ws"] as const) {
    test(`a server that freezes with ${TRANSPORT} streams open does not hold k6, and is not called met`, async (t) => {
      const target = await server(t);
      const pid = target.pid ?? assert.fail("no pid");
      const directory = temporaryDirectory(t);
      const settings = { BASE_URL: target.url, TRANSPORT, OUT_DIR: directory, RECOVERY_SECONDS: "2" };
      const { finished } = k6("reconnection", settings);
      await until(async () => (await countsOf(target)).streams[TRANSPORT] === 4);
      process.kill(pid, "SIGSTOP");
      const { code, stderr } = await finished;
      process.kill(pid, "SIGCONT");
      assert.equal(code, 99, stderr);
      const record = onlyRecord(directory);
      assert.notEqual(record.state, "running");
      const verdict = (target: string) => record.targets.find(({ id }) => id === target)?.verdict;
      // Whether the plans went on nobody told: the server's part in it is that it did not answer.
      assert.equal(verdict("clean-outcomes"), "no data");
      assert.equal(verdict("server-errors"), "no data");
      assert.equal(verdict("responsiveness"), "missed");
    });
  }

  test("an interrupt in the middle leaves a record that says so, and no plan", async (t) => {
    const target = await server(t);
    const directory = temporaryDirectory(t);
    const { child, finished } = k6("multiple-clients", {
      BASE_URL: target.url,
      OUT_DIR: directory,
      PROFILE: "baseline",
    });
    await until(async () => (await countsOf(target)).streams.sse === 5);
    child.kill("SIGINT");
    const { code, stdout } = await finished;
    assert.equal(code, 105);
    const record = onlyRecord(directory);
    assert.equal(record.state, "interrupted");
    assert.ok((record.tests[0]?.outcomes.interrupted ?? 0) > 0);
    assert.equal(record.targets.find(({ id }) => id === "connection-success")?.verdict, "no data");
    assert.ok(record.targets.every(({ verdict }) => verdict !== "missed"));
    assert.match(stdout, /run interrupted/);
    assert.equal((await countsOf(target)).plans, 0, "plans are left on the server");
  });

  test("plans that never end are told of, where their streams end in time", async (t) => {
    const { url } = await server(t, "--fault", "plan-death=300");
    const directory = temporaryDirectory(t);
    await k6("basic-connection", { BASE_URL: url, TRANSPORT: "ws", OUT_DIR: directory }).finished;
    const findings = onlyRecord(directory).tests.flatMap((one) => one.findings);
    assert.deepEqual(findings, [
      "plans still ran when the time of their streams was over (5 s): their end was not seen",
    ]);
  });

  test("an interrupt in set-up leaves no plan either, and a record that says so", async (t) => {
    const { url, plans } = await planApi(t, { createMs: 3_000 });
    const directory = temporaryDirectory(t);
    const { child, finished } = k6("cleanup-race", { BASE_URL: url, OUT_DIR: directory });
    await until(async () => plans.size > 0);
    child.kill("SIGINT");
    const { code, stdout } = await finished;
    assert.equal(code, 105);
    assert.deepEqual([...plans.keys()], []);
    const { state, endedAt, findings, clock, targets } = onlyRecord(directory);
    assert.deepEqual([state, findings, clock], ["interrupted", [], null]);
    assert.ok(endedAt !== null);
    assert.ok(targets.length > 0 && targets.every(({ verdict }) => verdict === "no data"));
    assert.match(stdout, /run interrupted/);
  });

  test("what an interrupted set-up could not delete is listed", async (t) => {
    const { url, plans } = await planApi(t, { createMs: 3_000, deletes: false });
    const directory = temporaryDirectory(t);
    const { child, finished } = k6("cleanup-race", { BASE_URL: url, OUT_DIR: directory });
    await until(async () => plans.size > 0);
    child.kill("SIGINT");
    assert.match((await finished).stdout, /^! plan plan-0 could not be deleted$/m);
    assert.deepEqual(onlyRecord(directory).findings, ["plan plan-0 could not be deleted"]);
  });

  test("what an interrupted set-up may have begun to create is told of, with what deletes it", async (t) => {
    const { url, asked } = await planApi(t, { createMs: 3_000, listsLate: true });
    const OUT_DIR = temporaryDirectory(t);
    const { child, finished } = k6("cleanup-race", { BASE_URL: url, OUT_DIR, RUN_ID: "late" });
    await until(async () => asked.includes("POST /api/plans"));
    child.kill("SIGINT");
    assert.equal((await finished).code, 105);
    assert.deepEqual(onlyRecord(OUT_DIR).findings, [
      "a plan whose creation was not answered may yet appear on the server: npm run cleanup -- late deletes it",
    ]);
  });

  test("an interrupt while set-up waits for a plan's end is an interrupt, and no panic", async (t) => {
    const { url, asked } = await planApi(t, {});
    const { child, finished } = k6("cleanup-race", { BASE_URL: url, OUT_DIR: temporaryDirectory(t) });
    await until(async () => asked.includes("GET /api/plans/plan-0"));
    child.kill("SIGINT");
    const { code, stderr } = await finished;
    assert.equal(code, 105, stderr);
    assert.doesNotMatch(stderr, /panic/);
  });

  test("a set-up that never came to a record leaves none", async (t) => {
    const { url, asked } = await planApi(t, { silent: "models" });
    const directory = temporaryDirectory(t);
    const { child, finished } = k6("cleanup-race", { BASE_URL: url, OUT_DIR: directory });
    await until(async () => asked.includes("GET /api/models"));
    child.kill("SIGINT");
    assert.equal((await finished).code, 105);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("plans that are still there are listed, also where the server said that it deleted them", async (t) => {
    const { url, plans } = await planApi(t, { deletes: false });
    const directory = temporaryDirectory(t);
    await k6("cleanup-race", { BASE_URL: url, OUT_DIR: directory }).finished;
    assert.ok(plans.size > 0);
    const left = [...plans.keys()].map((id) => `plan ${id} could not be deleted`);
    const { findings, tests } = onlyRecord(directory);
    assert.deepEqual(findings.sort(), left.sort());
    assert.ok(tests[0]?.findings.some((text) => text.startsWith("a plan's own log was not to be had")));
  });
});

function secondsOf(duration: string): number {
  const parts = duration.matchAll(/([\d.]+)(h|ms|m|s)/g);
  const unit = { h: 3_600, m: 60, s: 1, ms: 0.001 };
  return [...parts].reduce((sum, [, n, name]) => sum + Number(n) * unit[name as keyof typeof unit], 0);
}
