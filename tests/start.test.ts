import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { countsOf, ROOT, run, server, temporaryDirectory, until } from "./harness.ts";

const start = (...args: string[]) => run(process.execPath, [join(ROOT, "dist/start.mjs"), ...args]);

/** The records and comparisons in a results directory. */
function results(directory: string): { records: RunRecord[]; comparisons: string[] } {
  const paths = readdirSync(directory).map((name) => join(directory, name));
  const records = paths.filter((path) => existsSync(join(path, "run.json")));
  return {
    records: records.map((path) => parseRecord(readFileSync(join(path, "run.json"), "utf8"), path)),
    comparisons: paths.filter((path) => existsSync(join(path, "comparison.json"))),
  };
}

async function serversOfChildren(pid: number | undefined): Promise<number[]> {
  const { stdout } = await run("ps", ["-e", "-o", "pid=,ppid=,args="]).finished;
  return stdout
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[2] === String(pid) && match?.[3]?.includes("server.mjs"))
    .map((match) => Number(match?.[1]));
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

async function twoServers(t: TestContext) {
  return [await server(t), await server(t, "--behaviour", "ws-2025-10")] as const;
}

describe("npm start", { concurrency: 3 }, () => {
  test("says in one sentence that a Prometheus died during the run, and loses nothing of the record", async (t) => {
    const { url } = await server(t);
    let answered = 0;
    const dying = createServer((request, response) => {
      request.resume();
      response.writeHead(++answered > 2 ? 503 : 204).end();
    }).listen(0, "127.0.0.1");
    await once(dying, "listening");
    t.after(() => dying.close());
    const out = temporaryDirectory(t);
    const prometheus = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`;
    const args = ["--ws", url, "--only", "multiple-clients", "--out", out, "--prometheus", prometheus];
    const { stderr } = await start(...args).finished;
    const [{ runId, state } = assert.fail()] = results(out).records;
    assert.equal(state, "complete");
    const told = stderr.split("\n").filter((line) => line.startsWith("what k6 sent of"));
    assert.equal(told.length, 1, stderr);
    assert.match(told[0] ?? "", new RegExp(`^what k6 sent of ${runId} was not taken \\d+ times: dashboards`));
  });

  test("--restart runs its command before every test but the first, tells it which server, and says so", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const told = join(out, "told");
    const command = `echo "$PLAN_LOAD_TRANSPORT $PLAN_LOAD_SERVER $PLAN_LOAD_AFTER $PLAN_LOAD_BEFORE" >> ${told}`;
    const only = "cleanup-race,rapid-create-delete,concurrent-workers";
    const args = ["--ws", url, "--only", only, "--out", join(out, "results"), "--restart", command];
    const { code, stdout, stderr } = await start(...args).finished;
    assert.equal(code, 0, stderr);
    assert.deepEqual(readFileSync(told, "utf8").trim().split("\n"), [
      `ws ${url} cleanup-race rapid-create-delete`,
      `ws ${url} rapid-create-delete concurrent-workers`,
    ]);
    assert.match(
      stdout,
      /The server was restarted before each of: rapid-create-delete, concurrent-workers\./,
    );
    assert.equal(stderr.match(/^restarting http/gm)?.length, 2, stderr);
  });

  test("--restart whose command fails: the later tests are not played, and nothing is called met", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const args = [
      "--ws",
      url,
      "--only",
      "cleanup-race,concurrent-workers",
      "--out",
      out,
      "--restart",
      "exit 3",
    ];
    const { code, stdout } = await start(...args).finished;
    assert.equal(code, 99);
    assert.match(stdout, /Not played: concurrent-workers\. Why: .*--restart \\"exit 3\\" ended with 3/);
  });

  test("--restart without a server of the user's is refused", async () => {
    const { code, stderr } = await start("--restart", "true").finished;
    assert.equal(code, 1);
    assert.equal(stderr, "--restart restarts a server of yours: give --sse or --ws, or leave it out\n");
  });

  test("without options compares a failing SSE server with a healthy WebSocket one, and exits with 0", async (t) => {
    const out = temporaryDirectory(t);
    const { code, stdout, stderr } = await start("--out", out).finished;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /SIMULATED SERVER: SSE sse-2025-09.*; WebSocket healthy/);
    assert.match(stdout, /Message delivery rate +100 % +✗ [\d.]+ % missed +✓ 100 % met +~90 %/);
    const { records, comparisons } = results(out);
    assert.deepEqual(records.map(({ transport }) => transport).sort(), ["sse", "ws"]);
    assert.ok(records.every(({ target }) => target.simulated));
    assert.equal(comparisons.length, 1);
    const report = join(comparisons[0] ?? "", "report.html");
    assert.ok(stdout.endsWith(`report: ${report}\n`), stdout.slice(-200));
    assert.deepEqual(readdirSync(comparisons[0] ?? "").sort(), [
      "calibration",
      "comparison.json",
      "comparison.md",
      "junit.xml",
      "report.html",
    ]);
    const calibrations = results(join(comparisons[0] ?? "", "calibration")).records;
    assert.deepEqual(calibrations.map(({ transport }) => transport).sort(), ["sse", "ws"]);
    const html = readFileSync(report, "utf8");
    assert.match(html, /Calibration, p95/);
    assert.match(html, /<title>SIMULATED SERVER/);
    for (const [, link] of html.matchAll(/href="([^"]+)"/g))
      assert.ok(existsSync(join(report, "..", link ?? "")), link);
    for (const { runId } of records) assert.ok(existsSync(join(out, runId, "k6.log")));
  });

  test("aims the halves at the servers of the user; the candidate decides the exit code", async (t) => {
    const [healthy, flawed] = await twoServers(t);
    const out = temporaryDirectory(t);
    const { code, stdout } = await start(
      "--sse",
      healthy.url,
      "--ws",
      flawed.url,
      "--only",
      "basic-connection",
      "--out",
      out,
    ).finished;
    assert.equal(code, 99);
    assert.match(stdout, /Streams that end as they should +100 % +✓ 100 % met +✗/);
    assert.deepEqual(
      results(out).records.map(({ tests }) => tests.length),
      [1, 1],
    );
  });

  test("with one URL runs that half alone, compares nothing, and its targets decide", async (t) => {
    const [healthy, flawed] = await twoServers(t);
    for (const [{ url }, expected] of [
      [healthy, 0],
      [flawed, 99],
    ] as const) {
      const out = temporaryDirectory(t);
      const { code, stderr } = await start(
        "--ws",
        url,
        "--only",
        "basic-connection",
        "--out",
        out,
        "--release",
        "r7",
      ).finished;
      assert.equal(code, expected, stderr);
      const { records, comparisons } = results(out);
      assert.deepEqual(
        records.map(({ release }) => release),
        ["r7"],
      );
      assert.deepEqual(comparisons, []);
    }
  });

  test("--json prints the results grouped as the test plan groups them, and nothing else", async (t) => {
    const { url } = await server(t);
    const args = [
      "--sse",
      url,
      "--only",
      "basic-connection,reconnection",
      "--json",
      "--out",
      temporaryDirectory(t),
    ];
    const { code, stdout, stderr } = await start(...args).finished;
    assert.equal(code, 0, stderr);
    const [run, ...others] = JSON.parse(stdout) as { passed: boolean; results: Record<string, object> }[];
    assert.deepEqual(others, []);
    assert.equal(run?.passed, true);
    const names = Object.entries(run?.results ?? {}).map(([group, tests]) => [group, ...Object.keys(tests)]);
    assert.deepEqual(names, [
      ["basic_connection", "basic-connection"],
      ["reconnection", "reconnection"],
    ]);
    assert.match(stderr, /✓ met +Connection success rate/);
  });

  test("interrupted, it tidies up: no server left, no comparison, k6's exit code", async (t) => {
    const out = temporaryDirectory(t);
    const { child, finished } = start("--out", out);
    await until(
      async () => existsSync(out) && readdirSync(out).some((name) => existsSync(join(out, name, "run.json"))),
      60_000,
    );
    const servers = await serversOfChildren(child.pid);
    assert.equal(servers.length, 1);
    child.kill("SIGINT");
    const { code } = await finished;
    assert.equal(code, 105);
    assert.deepEqual(servers.filter(isAlive), []);
    const { records, comparisons } = results(out);
    assert.deepEqual(
      records.map(({ state }) => state),
      ["interrupted"],
    );
    assert.deepEqual(comparisons, []);
  });

  test("killed outright, it leaves no server behind", async (t) => {
    const out = temporaryDirectory(t);
    const { child, finished } = start("--out", out);
    await until(async () => (await serversOfChildren(child.pid)).length === 1);
    const servers = await serversOfChildren(child.pid);
    child.kill("SIGKILL");
    await finished;
    await until(async () => !servers.some(isAlive));
  });

  const wrong: [string[], RegExp][] = [
    [["--profile", "huge"], /argument 'huge' is invalid. Allowed choices are smoke, baseline/],
    [["--only", "nope"], /^ONLY is "nope": allowed are basic-connection/],
    [["--release", "a b"], /^RELEASE is "a b": allowed are/],
    [["--sse", "nonsense"], /^--sse is "nonsense": it must be a URL/],
    [["--ws", "http://example.test"], /ALLOW_REMOTE=example\.test/],
    [["--wss", "x"], /unknown option '--wss'\n\(Did you mean --ws\?\)/],
    [["extra"], /too many arguments/],
  ];
  for (const [args, sentence] of wrong) {
    test(`${args.join(" ")} is refused before anything starts`, async (t) => {
      const out = temporaryDirectory(t);
      const { code, stdout, stderr } = await start(...args, "--out", out).finished;
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.doesNotMatch(stderr, /\n\s+at /, "a stack trace is no answer to a wrong option");
      assert.equal(stdout, "");
      assert.deepEqual(readdirSync(out), []);
    });
  }

  test("the environment is asked where an option is not given, and an option goes before it", async (t) => {
    const out = temporaryDirectory(t);
    const refused = async (args: string[], env: Record<string, string>) => {
      const all = [join(ROOT, "dist/start.mjs"), "--out", out, ...args];
      const { code, stderr } = await run(process.execPath, all, env).finished;
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refused([], { PROFILE: "huge" }), /^PROFILE is "huge": allowed are smoke/);
    assert.match(await refused(["--release", "a b"], { RELEASE: "c" }), /^RELEASE is "a b"/);
    assert.match(
      await refused([], { TRANSPROT: "ws" }),
      /^there is no setting TRANSPROT: the nearest is TRANSPORT/,
    );
    assert.deepEqual(readdirSync(out), []);
  });

  test("a server that is not there ends with k6's sentence and code", async (t) => {
    const { code, stderr } = await start("--ws", "http://127.0.0.1:1", "--out", temporaryDirectory(t))
      .finished;
    assert.equal(code, 108);
    assert.match(stderr, /^--ws http:\/\/127\.0\.0\.1:1 cannot be reached.*set --ws to where it listens/);
  });

  test("--help tells the options", async () => {
    const { code, stdout } = await start("--help").finished;
    assert.equal(code, 0);
    for (const option of ["--sse", "--ws", "--profile", "--release", "--only", "--out"])
      assert.ok(stdout.includes(option));
  });
});

test("the counts of a server are there for tests to compare with", async (t) => {
  assert.equal((await countsOf(await server(t))).plans, 0);
});
