import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as v from "valibot";
import { checkSchema } from "../record/check.ts";
import { countsOf, ROOT, run, server, temporaryDirectory } from "./harness.ts";

const doctor = (args: readonly string[], env: Record<string, string> = {}) =>
  run(process.execPath, [join(ROOT, "dist/doctor.mjs"), ...args], env).finished;

const NAMES = [
  "k6",
  "open files",
  "ports",
  "memory",
  "results",
  "disk space",
  "server",
  "plans",
  "stream",
  "clock",
];
const examinedSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(v.object({ transport: v.string(), server: v.string(), checks: v.array(checkSchema) })),
);

describe("npm run doctor", { concurrency: 2 }, () => {
  test("lists everything that a load needs, and loads nothing", async (t) => {
    const target = await server(t);
    const out = join(temporaryDirectory(t), "not", "yet");
    const args = ["--ws", target.url, "--only", "multiple-clients,plan-scaling", "--out", out];
    const { code, stdout, stderr } = await doctor(args);
    assert.equal(code, 0, stdout + stderr);
    const [title, ...lines] = stdout.trim().split("\n");
    assert.equal(title, `WebSocket on ${target.url}`);
    assert.deepEqual(
      lines.map((line) => /^ +✓ +(\w+( \w+)?) {2}/.exec(line)?.[1]),
      NAMES,
    );
    assert.match(stdout, /\d+ needed for 20 streams and 6 virtual users at once/);
    assert.equal((await countsOf(target)).plans, 0);
    assert.ok(!existsSync(out));
  });

  test("without a server it looks at those that npm start would start", async () => {
    const { code, stdout } = await doctor(["--json"]);
    assert.equal(code, 0);
    const halves = v.parse(examinedSchema, stdout);
    assert.deepEqual(
      halves.map(({ transport, server: where }) => `${transport} ${where}`),
      ["sse simulated server sse-2025-09", "ws simulated server healthy"],
    );
    for (const { checks } of halves)
      assert.deepEqual(
        checks.map(({ name }) => name),
        NAMES,
      );
  });

  test("a server of the other version, or none, is told of before any load, by npm start too", async (t) => {
    const { url: sse } = await server(t, "--behaviour", "sse-2025-09");
    const ws = await server(t, "--behaviour", "ws-2025-10");
    const { code, stdout } = await doctor(["--sse", ws.url, "--ws", sse]);
    assert.equal(code, 1);
    assert.match(stdout, /✗ +stream +--sse \S+ has no SSE stream.*answered 410.*set --ws, or --sse to/);
    assert.match(stdout, /✗ +stream +--ws \S+ has no WebSocket.*answered 404.*set --sse, or --ws to/);
    const out = temporaryDirectory(t);
    const both = ["--sse", ws.url, "--ws", "http://127.0.0.1:1", "--out", out];
    const started = await run(process.execPath, [join(ROOT, "dist/start.mjs"), ...both]).finished;
    assert.equal(started.code, 108);
    assert.equal(started.stdout, "");
    assert.match(started.stderr, /^--sse \S+ has no SSE stream.*\n--ws \S+:1 cannot be reached.*\n$/);
    assert.equal((await countsOf(ws)).plans, 0);
  });

  test("a k6 that does not run, or is none, is told of", async () => {
    for (const [K6_BIN, how] of [
      ["/nowhere/k6", /✗ +k6 +\/nowhere\/k6 cannot be run \(ENOENT\): run npm run build/],
      ["/bin/true", /✗ +k6 +\/bin\/true ended without an answer/],
    ] as const) {
      const { code, stdout } = await doctor(["--ws", "http://127.0.0.1:1"], { K6_BIN });
      assert.equal(code, 1);
      assert.match(stdout, how);
    }
  });

  test("with too few open files k6 refuses the load before its virtual users are made", async (t) => {
    const target = await server(t);
    const settings = `-e BASE_URL=${target.url} -e PROFILE=stress -e OUT_DIR=${temporaryDirectory(t)}`;
    const limited = (args: string) => run("/bin/sh", ["-c", `ulimit -n 300; bin/k6 ${args}`]).finished;
    const { code, stderr } = await limited(`run --quiet ${settings} dist/suite.js`);
    assert.equal(code, 108, stderr);
    assert.match(stderr, /open files: 300 free, about 3664 needed for 1200 streams.*ulimit -n 3664/);
    assert.equal((await countsOf(target)).plans, 0);
    assert.equal((await limited(`inspect ${settings} dist/suite.js`)).code, 0, "k6 inspect loads nothing");
  });
});
