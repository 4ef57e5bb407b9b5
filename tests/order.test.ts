import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import type { RunRecord } from "../record/record.ts";
import type { TestName } from "../scenarios/names.ts";
import { countsOf, k6, onlyRecord, server, temporaryDirectory, until } from "./harness.ts";
import { play } from "./play.ts";

/** The most plans running and streams open at once that a gentle test may have. */
const GENTLE = 8;
const GENTLE_TESTS: TestName[] = [
  "basic-connection",
  "multiple-clients",
  "reconnection",
  "fallback-report",
  "throughput",
];

/** When the first stream of a test began, and the last one ended. */
function spanOf({ streams }: RunRecord, test: string): [number, number] {
  const mine = streams.kept.filter((stream) => stream.test === test);
  return [
    Math.min(...mine.map(({ startedAt }) => startedAt)),
    Math.max(...mine.map(({ endedAt }) => endedAt)),
  ];
}

/** Somebody who answers at GATE_URL, and what was asked. */
async function gate(t: TestContext, status: number, answer: object) {
  const asked: { after: string; before: string; transport: string }[] = [];
  const http = createServer(async (request, response) => {
    asked.push(JSON.parse((await request.setEncoding("utf8").toArray()).join("")));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/gate`, asked };
}

describe("the tests of a run follow one another", { concurrency: 2 }, () => {
  for (const transport of ["sse", "ws"] as const) {
    test(`over ${transport} the gentle tests hold few connections at any moment, by the server's own count`, async () => {
      const { record, counts } = await play({ transport, tests: GENTLE_TESTS });
      assert.ok(counts.mostConnections <= GENTLE, `${counts.mostConnections} at once`);
      const spans = record.tests.map(({ name }) => spanOf(record, name));
      for (const [i, [start]] of spans.entries()) {
        const [, before] = spans[i - 1] ?? [0, 0];
        assert.ok(start >= before, `${record.tests[i]?.name} began before the one before it had ended`);
      }
      for (const { name, recoveryMs } of record.tests) {
        assert.ok(recoveryMs !== null && recoveryMs < 1_000, `${name}: ${recoveryMs} ms`);
      }
    });
  }

  test("a server that does not recover makes the later tests no data, said once at the top", async (t) => {
    const target = await server(t);
    const pid = target.pid ?? assert.fail("no pid");
    const OUT_DIR = temporaryDirectory(t);
    const { finished } = k6("suite", {
      BASE_URL: target.url,
      TRANSPORT: "ws",
      OUT_DIR,
      ONLY: "multiple-clients,fallback-report,throughput",
      RECOVERY_SECONDS: "2",
    });
    await until(async () => (await countsOf(target)).streams.ws === 5);
    process.kill(pid, "SIGSTOP");
    const { code, stdout } = await finished;
    process.kill(pid, "SIGCONT");
    const record = onlyRecord(OUT_DIR);
    assert.equal(code, 99);
    const reason = "the server had not recovered from multiple-clients after 2 s";
    const [first, ...later] = record.tests;
    assert.equal(first?.withheld, null);
    assert.equal(first?.recoveryMs, null);
    for (const { withheld, targets, tally } of later) {
      assert.equal(withheld, reason);
      assert.deepEqual([...new Set(targets.map(({ verdict }) => verdict))], ["no data"]);
      assert.equal(
        tally.counts.requests ?? 0,
        tally.counts["call:GET /api/plans/{id}/fallback-report 404"] ?? 0,
      );
    }
    const lines = stdout.split("\n").filter((line) => line.includes(reason));
    assert.match(lines[0] ?? "", /^! Not played: fallback-report, throughput\. Why: /);
    assert.equal(lines.length, 3, "once at the top, and once a test");
    const freeze = record.stalls.kept.filter(({ test: name }) => name === "multiple-clients");
    assert.equal(freeze.length, 1, "a freeze is one row");
    const { probes = 0, waiting = 0, silent = 0 } = freeze[0] ?? {};
    assert.ok(probes > 1 && waiting > 0 && silent === 5, JSON.stringify(freeze));
  });

  test("GATE_URL is asked before every test but the first, and the tests with a fresh server are named", async (t) => {
    const { url: BASE_URL } = await server(t);
    const { url: GATE_URL, asked } = await gate(t, 200, { fresh: true });
    const OUT_DIR = temporaryDirectory(t);
    const ONLY = "cleanup-race,rapid-create-delete,concurrent-workers";
    const { code, stdout, stderr } = await k6("suite", { BASE_URL, GATE_URL, OUT_DIR, ONLY }).finished;
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      asked.map(({ after, before, transport }) => [after, before, transport]),
      [
        ["cleanup-race", "rapid-create-delete", "sse"],
        ["rapid-create-delete", "concurrent-workers", "sse"],
      ],
    );
    const fresh = onlyRecord(OUT_DIR).tests.map(({ hadFreshServer }) => hadFreshServer);
    assert.deepEqual(fresh, [false, true, true]);
    assert.match(
      stdout,
      /! The server was restarted before each of: rapid-create-delete, concurrent-workers\./,
    );
  });

  test("where GATE_URL says no, the later tests are not played, with its words", async (t) => {
    const { url: BASE_URL } = await server(t);
    const { url: GATE_URL } = await gate(t, 500, { detail: "the command ended with 1" });
    const OUT_DIR = temporaryDirectory(t);
    const { code } = await k6("suite", {
      BASE_URL,
      GATE_URL,
      OUT_DIR,
      ONLY: "cleanup-race,rapid-create-delete",
    }).finished;
    assert.equal(code, 99);
    const { tests } = onlyRecord(OUT_DIR);
    assert.match(
      tests[1]?.withheld ?? "",
      /^GATE_URL did not let rapid-create-delete begin \(500 .*ended with 1/,
    );
    assert.ok(tests[0]?.targets.every(({ verdict }) => verdict === "met"));
  });

  test("plans that a test keeps are deleted behind it, also where the server lists only the newest of them", async () => {
    const { code, record, counts, stderr } = await play({
      transport: "ws",
      tests: ["concurrent-workers"],
      serverArgs: ["--fault", "list-newest=5"],
    });
    assert.equal(code, 0, stderr);
    const { tally } = record.tests[0] ?? assert.fail();
    assert.equal(tally.counts["call:POST /api/plans 200"], 12);
    assert.equal(tally.counts["call:DELETE /api/plans/{id} 200"], undefined, "the test itself deletes none");
    assert.equal(counts.plans, 0);
  });
});

describe("what a server says that the suite does not know", { concurrency: 2 }, () => {
  test("types of newer servers are one line with a count and an example, and fail nothing", async () => {
    const { code, record, stderr } = await play({
      transport: "ws",
      tests: ["basic-connection", "multiple-clients"],
      serverArgs: ["--fault", "llm-stream"],
    });
    assert.equal(code, 0, stderr);
    for (const { findings } of record.tests) {
      const lines = findings.filter((text) => text.includes("llm_stream"));
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(
        lines[0] ?? "",
        /^\d+ messages of types .* \(llm_stream \d+\): .* e\.g\. \{"type":"llm_stream"/,
      );
    }
  });

  test("SSE events without a name are read by their content, and fail nothing", async () => {
    const { code, record, stderr } = await play({
      transport: "sse",
      tests: ["multiple-clients"],
      serverArgs: ["--fault", "unnamed-events"],
    });
    assert.equal(code, 0, stderr);
    const [{ findings } = assert.fail()] = record.tests;
    assert.ok(
      findings.includes("SSE events came without a name in place of task_update: read by their content"),
    );
  });

  test("a list of plans that is answered with 500 stops the run before any load", async (t) => {
    const { url } = await server(t, "--fault", "list-500");
    const { code, stderr } = await k6("suite", { BASE_URL: url, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 108);
    assert.match(stderr, /does not list its plans \(GET \/api\/plans answered 500 /);
  });

  test("a server that is there and does not answer is not called absent", async (t) => {
    const http = createServer(() => {});
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    t.after(() => http.close().closeAllConnections());
    const BASE_URL = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const { code, stderr } = await k6("doctor", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.equal(code, 0, stderr);
    const { stdout } = await k6("doctor", { BASE_URL, OUT_DIR: temporaryDirectory(t) }).finished;
    assert.match(
      stdout,
      /did not answer GET \/health in time: a server that is there is frozen or overloaded/,
    );
  });
});
