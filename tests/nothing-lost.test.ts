import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { saveBaseline } from "../cli/baselines.ts";
import { saveFile } from "../cli/files.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { sampleRecord } from "../record/testing.ts";
import {
  type Finished,
  k6,
  loadOn,
  plansOn,
  ROOT,
  run,
  server,
  temporaryDirectory,
  until,
} from "./harness.ts";
import { killWriters } from "./killed-writers.ts";

const program = (name: string, ...args: string[]): Promise<Finished> =>
  run(process.execPath, [join(ROOT, `dist/${name}.mjs`), ...args]).finished;

const pathOf = (out: string, runId: string): string => join(out, runId, "run.json");

function recordIn(out: string, runId: string): RunRecord {
  return parseRecord(readFileSync(pathOf(out, runId), "utf8"), runId);
}

/** Saves a record that was there before; returns what holds it to what it was. */
function earlier(out: string): () => void {
  const record = sampleRecord({ runId: "earlier" });
  const text = `${JSON.stringify(record, undefined, 1)}\n`;
  saveFile(join(out, "earlier"), "run.json", text);
  return () => assert.equal(readFileSync(pathOf(out, "earlier"), "utf8"), text);
}

/** A plan that no run of these tests made. */
async function createPlan(url: string, prompt: string): Promise<void> {
  const body = JSON.stringify({ prompt, llm_model: null, speed_vs_detail: "fast_but_skip_details" });
  const headers = { "content-type": "application/json" };
  assert.equal((await fetch(`${url}/api/plans`, { method: "POST", headers, body })).status, 200);
}

/** A run that is killed in the middle, while it has plans on the server. */
async function killedRun(url: string, out: string, RUN_ID: string): Promise<void> {
  const settings = { BASE_URL: url, OUT_DIR: out, RUN_ID, PROFILE: "baseline" };
  const { child, finished } = k6("multiple-clients", settings);
  const mine = async () => (await loadOn(url)).filter(({ prompt }) => prompt.includes(`, [run ${RUN_ID}]`));
  await until(async () => (await mine()).length >= 1);
  child.kill("SIGKILL");
  await finished;
}

function noTrace({ stdout, stderr }: Finished): void {
  assert.doesNotMatch(stdout + stderr, /\n\s+at /, "a stack trace is no answer");
}

const canMount = (() => {
  const { status } = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return status === 0;
})();
const unmountable = canMount ? false : "no file system may be mounted here: not checked";

/** A file system of its own, of so many MiB. */
function mounted(t: TestContext, mebibytes: number): string {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", directory]);
  assert.equal(mount.status, 0, String(mount.stderr));
  t.after(() => {
    spawnSync("umount", ["-l", directory]);
    rmdirSync(directory);
  });
  return directory;
}

function readOnly(directory: string): void {
  assert.equal(spawnSync("mount", ["-o", "remount,ro", directory]).status, 0);
}

/** Leaves nothing free. */
function fill(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, "large"), Buffer.alloc(bavail * bsize - 4_096));
  assert.throws(() => writeFileSync(join(directory, "more"), Buffer.alloc(8_192)), { code: "ENOSPC" });
}

describe("nothing is lost", { concurrency: 2 }, () => {
  test("writers that are killed at random leave their record whole or none, and others as they were", async () => {
    assert.deepEqual(await killWriters(10), []);
  });

  test("a run whose k6 is killed is named with what deletes its plans, and no others; then all goes on", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const unchanged = earlier(out);
    for (const prompt of ["[run night-10]", "[run a-night-1]", "run night-1"]) await createPlan(url, prompt);
    await killedRun(url, out, "night-1");
    assert.equal(recordIn(out, "night-1").state, "running");
    unchanged();

    const named = `night-1 ended without a record of its end, and plans of it may be left on ${url}: npm run cleanup -- night-1 --out ${out} deletes them\n`;
    const doctor = () => program("doctor", "--ws", url, "--out", out);
    assert.deepEqual([(await doctor()).code, (await doctor()).stderr], [0, named]);
    assert.match((await program("history", "--out", out)).stdout, /2 of 2 runs/);
    const compared = await program("compare", "earlier", "night-1", "--out", out);
    noTrace(compared);

    const { code, stdout, stderr } = await program("cleanup", "night-1", "--out", out);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`^\\d+ plans of night-1 deleted on ${url}\n$`));
    assert.deepEqual((await plansOn(url)).map(({ prompt }) => prompt).sort(), [
      "[run a-night-1]",
      "[run night-10]",
      "run night-1",
    ]);
    const { state, findings } = recordIn(out, "night-1");
    assert.equal(state, "interrupted");
    assert.match(findings[0] ?? "", /npm run cleanup deleted \d+ plans/);
    assert.equal((await doctor()).stderr, "");
    assert.match((await program("cleanup", "night-1", "--out", out)).stdout, /^0 plans of night-1 deleted/);
    unchanged();
  });

  test("a run that still runs is not cleaned up, and one without a record, or a server, is told of", async (t) => {
    const { url, stop } = await server(t);
    const out = temporaryDirectory(t);
    const { child, finished } = k6("multiple-clients", { BASE_URL: url, OUT_DIR: out, RUN_ID: "alive" });
    await until(async () => existsSync(pathOf(out, "alive")));
    const refused = await program("cleanup", "alive", "--out", out);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`^alive still runs, as process ${child.pid}: .*\n$`));
    assert.equal((await program("doctor", "--ws", url, "--out", out)).stderr, "");
    assert.equal((await finished).code, 0);
    const unknown = await program("cleanup", "nowhere", "--out", out);
    assert.equal(unknown.code, 1);
    assert.match(
      unknown.stderr,
      /^.*nowhere holds no record that can be read.*RUN_ID=nowhere dist\/cleanup\.js.*\n$/,
    );
    await stop();
    const unreachable = await program("cleanup", "alive", "--out", out);
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.stdout, /cannot be reached/);
    noTrace(unreachable);
  });

  test("npm start whose k6 is killed compares nothing, and names the run", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const unchanged = earlier(out);
    const args = ["--ws", url, "--only", "multiple-clients", "--profile", "baseline", "--out", out];
    const { child, finished } = run(process.execPath, [join(ROOT, "dist/start.mjs"), ...args]);
    await until(async () => (await loadOn(url)).length >= 1);
    const [runId = ""] = readdirSync(out).filter((name) => name !== "earlier");
    process.kill(recordIn(out, runId).by?.pid ?? assert.fail("no process"), "SIGKILL");
    const { code, stdout, stderr } = await finished;
    assert.equal(code, 105, stderr);
    assert.match(
      stderr,
      new RegExp(`^${runId} ended without a record of its end.*npm run cleanup -- ${runId}`, "m"),
    );
    assert.doesNotMatch(stdout, /report:/);
    assert.notEqual(child.exitCode, null);
    unchanged();
  });

  test("npm start that is killed leaves a record that is whole, or says that it runs", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const unchanged = earlier(out);
    const args = ["--ws", url, "--only", "multiple-clients", "--out", out];
    const { child, finished } = run(process.execPath, [join(ROOT, "dist/start.mjs"), ...args]);
    await until(async () => (await loadOn(url)).length >= 1);
    child.kill("SIGKILL");
    await finished;
    const [runId = ""] = readdirSync(out).filter((name) => name !== "earlier");
    const pid = recordIn(out, runId).by?.pid ?? assert.fail("no process");
    await until(async () => !existsSync(`/proc/${pid}`), 60_000);
    assert.match(recordIn(out, runId).state, /^(complete|running)$/);
    assert.match((await program("history", "--out", out)).stdout, /2 of 2 runs/);
    unchanged();
  });

  test("two runs at once into one directory do not mix, and of two with one id one runs", async (t) => {
    const servers = [await server(t), await server(t)];
    const out = temporaryDirectory(t);
    const unchanged = earlier(out);
    const settings = { OUT_DIR: out, ONLY: "rapid-create-delete" };
    const both = servers.map(
      ({ url }, i) => k6("suite", { ...settings, BASE_URL: url, RELEASE: `r${i}` }).finished,
    );
    assert.deepEqual(
      (await Promise.all(both)).map(({ code }) => code),
      [0, 0],
    );
    const runs = readdirSync(out).filter((name) => name !== "earlier");
    const records = runs.map((name) => recordIn(out, name));
    assert.deepEqual(records.map(({ release, target }) => [release, target.baseUrl]).sort(), [
      ["r0", servers[0]?.url],
      ["r1", servers[1]?.url],
    ]);
    for (const { state, targets } of records) {
      assert.equal(state, "complete");
      assert.ok(targets.every(({ verdict }) => verdict === "met"));
    }
    const same = servers.map(
      ({ url }) => k6("suite", { ...settings, BASE_URL: url, RUN_ID: "same" }).finished,
    );
    const [one, other] = await Promise.all(same);
    assert.deepEqual([one?.code, other?.code].sort(), [0, 108]);
    assert.match(`${one?.stderr}${other?.stderr}`, /already holds the run\.json of another run/);
    assert.equal(recordIn(out, "same").state, "complete");
    assert.deepEqual(readdirSync(join(out, "same")).sort(), ["junit.xml", "report.html", "run.json"]);
    unchanged();
  });

  test("a disk that has no room is told of before the load", { skip: unmountable }, async (t) => {
    const { url } = await server(t);
    const out = mounted(t, 8);
    const started = await program("start", "--ws", url, "--only", "cleanup-race", "--out", out);
    assert.equal(started.code, 108);
    assert.match(
      started.stderr,
      /^disk space: \d MiB free, about 20 MiB needed for .*choose another directory with --out\n$/,
    );
    assert.deepEqual(readdirSync(out), []);
  });

  test("where the disk becomes full, the verdict is shown, and nothing is half", {
    skip: unmountable,
  }, async (t) => {
    const { url } = await server(t);
    const out = mounted(t, 32);
    const unchanged = earlier(out);
    const args = ["--ws", url, "--only", "fallback-report,multiple-clients", "--out", out];
    const { finished } = run(process.execPath, [join(ROOT, "dist/start.mjs"), ...args]);
    await until(async () => (await plansOn(url)).length >= 1);
    fill(out);
    const ended = await finished;
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(ended.stdout, /✓ met +Message delivery rate/);
    assert.match(
      ended.stderr,
      /^run\.json, report\.html, junit\.xml could not be written: .*no space left on device.*$/m,
    );
    assert.match(ended.stderr, /k6\.log is not kept: .* the disk is full/);
    assert.match(ended.stderr, /the record of \S+ could not be written, so nothing is compared\n$/);
    noTrace(ended);
    const [runId = ""] = readdirSync(out).filter((name) => /-suite-/.test(name));
    assert.equal(recordIn(out, runId).state, "running");
    assert.deepEqual(readdirSync(join(out, runId)), ["run.json"]);
    unchanged();
    const listed = await program("history", "--out", out);
    assert.equal(listed.code, 1);
    assert.match(
      listed.stderr,
      /^\S+history\.html cannot be written: the disk is full; free some of it, or give another directory\n$/,
    );
    assert.ok(readdirSync(out).every((name) => !name.endsWith(".tmp")));
  });

  test("what may not be written is told of in one sentence by every command", {
    skip: unmountable,
  }, async (t) => {
    const { url } = await server(t);
    const out = mounted(t, 32);
    const unchanged = earlier(out);
    const old = "20200101T000000Z-suite-dev-ws-smoke-0001";
    saveFile(join(out, old), "run.json", JSON.stringify(sampleRecord({ runId: old })));
    saveBaseline(out, "spring", ["earlier"]);
    readOnly(out);
    const started = await program("start", "--ws", url, "--only", "cleanup-race", "--out", out);
    assert.equal(started.code, 108);
    assert.match(started.stderr, /^cannot write results to .*read-only file system; choose another.*\n$/);
    const commands = [
      ["history"],
      ["compare", "earlier", old],
      ["baseline", "--save", "autumn", "earlier"],
      ["merge", join(out, "earlier")],
      ["prune", "--keep", "1"],
    ];
    for (const [name = "", ...args] of commands) {
      const ended = await program(name, ...args, "--out", out);
      assert.equal(ended.code, 1, name);
      assert.match(ended.stderr, /^[^\n]* cannot be used \(EROFS\)[^\n]*\n$/, name);
    }
    unchanged();
  });

  test("a directory that cannot be is told of in one sentence by every command", async (t) => {
    const { url } = await server(t);
    const given = temporaryDirectory(t);
    earlier(given);
    const { code, stderr } = await program("start", "--ws", url, "--out", "/proc/x");
    assert.equal(code, 108);
    assert.match(stderr, /^cannot write results to .*with --out\n$/);
    const schedule = ["schedule", "cron", "--every", "day", "--directory", "/opt/x", "--into", "/proc/x"];
    const compare = ["compare", join(given, "earlier"), join(given, "earlier"), "--out", "/proc/x"];
    const commands = [
      schedule,
      compare,
      ["merge", join(given, "earlier"), "--out", "/proc/x"],
      ["history", "--out", "/proc/x"],
      ["start", "--out", "/proc/x"],
    ];
    const pruned = await program("prune", "--keep", "30", "--out", "/proc/x");
    assert.deepEqual([pruned.code, pruned.stdout], [1, ""]);
    assert.match(pruned.stderr, /^\/proc\/x does not exist: [^\n]*\n$/);
    for (const [name = "", ...args] of commands) {
      const ended = await program(name, ...args);
      assert.equal(ended.code, 1, name);
      assert.match(ended.stderr, /^\/proc\/x[^\n]* cannot be used \(ENOENT\)[^\n]*\n$/, name);
    }
  });

  test("what a killed run left of its directory hinders no command", async (t) => {
    const out = temporaryDirectory(t);
    const unchanged = earlier(out);
    mkdirSync(join(out, "20200101T000000Z-suite-dev-ws-smoke-0001"));
    mkdirSync(join(out, "20200101T000000Z-suite-dev-ws-smoke-0002"));
    writeFileSync(join(out, "20200101T000000Z-suite-dev-ws-smoke-0002", ".run.json.1.tmp"), "{");
    const listed = await program("history", "--out", out);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /0002.*it holds neither a record nor a comparison/);
    assert.match((await program("prune", "--keep", "1", "--out", out)).stdout, /2 removed/);
    unchanged();
  });
});
