import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readRecord } from "../cli/files.ts";
import { k6Binary } from "../cli/k6.ts";
import { quantile, size } from "../record/histogram.ts";
import type { RunRecord } from "../record/record.ts";
import { fails } from "../thresholds/judge.ts";
import {
  countsOf,
  k6,
  loadedBy,
  oneOf,
  onlyRecord,
  plansOn,
  run,
  segment,
  server,
  instances as shared,
  temporaryDirectory,
  until,
} from "./harness.ts";

const RUN_ID = "shared-run";

const instances = (script: string, of: number, settings: Record<string, string>) =>
  shared(script, of, { RUN_ID, ...settings });
const instance = (script: string, number: number, of: number, settings: Record<string, string>) =>
  oneOf(script, number, of, { RUN_ID, ...settings });

const merge = (out: string, ...paths: string[]) =>
  run(process.execPath, ["dist/merge.mjs", "--out", out, ...paths]).finished;

function merged(out: string): RunRecord {
  const record = readRecord(join(out, RUN_ID));
  assert.ok(record, "there is no merged record");
  return record;
}

const STAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}/g;

/**
 * An address behind which a server is seen from a machine with another clock: its stamps are that much later. To an
 * instance this is as if its own clock were that much earlier.
 */
async function seenFrom(t: TestContext, address: string, url: string, offsetMs: number): Promise<string> {
  const later = (stamp: string) => new Date(Date.parse(`${stamp}Z`) + offsetMs).toISOString().slice(0, -1);
  const proxy = createServer((incoming, outgoing) => {
    const { method = "GET", headers, url: path = "/" } = incoming;
    const onwards = request(`${url}${path}`, { method, headers }, (answer) => {
      const { "content-length": _, ...kept } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, kept);
      answer.setEncoding("utf8").on("data", (text: string) => outgoing.write(text.replace(STAMP, later)));
      answer.on("close", () => outgoing.end());
    });
    onwards.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onwards.destroy());
    incoming.pipe(onwards);
  });
  await new Promise<void>((resolve) => proxy.listen(0, address, resolve));
  t.after(() => proxy.close());
  return `http://${address}:${(proxy.address() as AddressInfo).port}`;
}

/** Runs a test in one process. */
async function alone(t: TestContext, script: string, settings: Record<string, string>): Promise<RunRecord> {
  const OUT_DIR = temporaryDirectory(t);
  await k6(script, { ...settings, OUT_DIR }).finished;
  return onlyRecord(OUT_DIR);
}

/** What a run counted that is the same at every run of the same load. */
function load({ tests }: RunRecord): Record<string, number | undefined> {
  const counts = tests[0]?.tally.counts ?? {};
  const names = ["users:expected", "users:finished", "attempts", "usable", "received", "ended", "acceptable"];
  const calls = Object.keys(counts).filter((name) => /^call:(POST|DELETE)/.test(name));
  return Object.fromEntries([...names, ...calls].map((name) => [name, counts[name]]));
}

/** The verdicts on what does not depend on how busy this machine is. */
const verdicts = ({ targets }: RunRecord) =>
  targets.filter(({ id }) => id !== "message-latency").map(({ id, verdict }) => [id, verdict]);

describe("a run that several k6 processes share", () => {
  for (const of of [2, 4, 8]) {
    test(`${of} of them: the merged record is that of one process with the same load`, async (t) => {
      const { url } = await server(t, "--fault", "latency=60");
      const settings = { BASE_URL: url, RELEASE: "r1" };
      const whole = await alone(t, "multiple-clients", settings);
      const out = temporaryDirectory(t);
      const ended = await Promise.all(
        instances("multiple-clients", of, { ...settings, OUT_DIR: out }).map((one) => one.finished),
      );
      for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
      const { code, stdout, stderr } = await merge(out, join(out, RUN_ID));
      const record = merged(out);
      assert.equal(code, record.targets.some(fails) ? 99 : 0, stderr + stdout);
      assert.deepEqual([record.state, record.instance, record.instances.length], ["complete", null, of]);
      assert.deepEqual(load(record), load(whole));
      assert.deepEqual(record.tests[0]?.outcomes, whole.tests[0]?.outcomes);
      assert.deepEqual(verdicts(record), verdicts(whole));
      const [joined, single] = [record, whole].map(({ histograms }) => histograms.latency);
      assert.equal(size(joined ?? {}), record.tests[0]?.tally.counts.delivered);
      const [p50, expected] = [joined, single].map((latency) => quantile(latency ?? {}, 0.5) ?? 0);
      assert.ok(Math.abs((p50 ?? 0) - (expected ?? 0)) < 20, `${p50} ms, alone ${expected} ms`);
      assert.equal(record.streams.seen, whole.streams.seen);
      assert.equal(record.tests[0]?.tally.counts.probes, parts(out, of).at(0)?.tests[0]?.tally.counts.probes);
      const sampled = parts(out, of).map(({ samples }) => samples.seen > 0);
      assert.deepEqual(
        sampled,
        [true, ...Array(of - 1).fill(false)],
        "one instance alone samples the server",
      );
      assert.equal((await countsOf({ url })).plans, 0);
    });
  }

  test("one that is killed is named, and nothing is met", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const [first, second] = instances("multiple-clients", 2, { BASE_URL: url, OUT_DIR: out });
    await until(async () => (await loadedBy(url)).includes("2-of-2"));
    second?.child.kill("SIGKILL");
    await Promise.all([first?.finished, second?.finished]);
    const { code, stdout } = await merge(out, join(out, RUN_ID));
    assert.equal(code, 99);
    assert.match(stdout, /run incomplete/);
    assert.match(stdout, /! instance 2-of-2 was broken off without a word/);
    const { state, targets, findings } = merged(out);
    assert.equal(state, "incomplete");
    const mark = `[run ${RUN_ID}, instance 2-of-2]`;
    assert.ok(
      findings.includes(
        `plans of instance 2-of-2 may be left on the server: those with "${mark}" in their prompts; npm run cleanup -- ${RUN_ID} deletes what is left of the run`,
      ),
    );
    const plans = await plansOn(url);
    assert.ok(
      plans.length > 0 && plans.every(({ prompt }) => prompt.includes(mark)),
      `the plans that are left: ${JSON.stringify(plans)}`,
    );
    assert.ok(targets.length > 0);
    assert.deepEqual([...new Set(targets.map(({ verdict }) => verdict))], ["no data"]);
  });

  test("the suite's tests that rest on one user, or look at the server themselves, are judged as one run", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const settings = {
      BASE_URL: url,
      OUT_DIR: out,
      TRANSPORT: "ws",
      ONLY: "throughput,plan-scaling,cleanup-race",
    };
    await Promise.all(instances("suite", 2, settings).map((one) => one.finished));
    const { stdout } = await merge(out, join(out, RUN_ID));
    const record = merged(out);
    assert.equal(record.state, "complete", stdout);
    assert.deepEqual(record.rates.map(({ clients }) => clients).sort(), [1, 3]);
    assert.deepEqual(
      record.steps.map(({ plans }) => plans),
      [1, 5, 10, 20],
    );
    assert.equal(record.tests.find(({ name }) => name === "cleanup-race")?.outcomes.deleted, 6);
    const spans = record.tests.map(({ name }) => {
      const mine = record.streams.kept.filter(({ test: one }) => one === name);
      const [starts, ends] = [mine.map(({ startedAt }) => startedAt), mine.map(({ endedAt }) => endedAt)];
      return { name, start: Math.min(...starts), end: Math.max(...ends) };
    });
    for (const [i, { name, start }] of spans.entries()) {
      assert.ok(start >= (spans[i - 1]?.end ?? 0), `${name} began on one instance before another had ended`);
    }
  });

  test("each instance knows what the server's clock is off its own, and latency is none the longer", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const offsets = [5_000, -7_000];
    const ended = offsets.map(async (offsetMs, i) => {
      const BASE_URL = await seenFrom(t, `127.0.0.${i + 2}`, url, offsetMs);
      return instance("multiple-clients", i + 1, 2, { BASE_URL, OUT_DIR: out }).finished;
    });
    await Promise.all(ended);
    await merge(out, join(out, RUN_ID));
    const { instances, histograms, tests, state } = merged(out);
    assert.equal(state, "complete");
    instances.forEach(({ clock }, i) => {
      assert.ok(Math.abs((clock?.offsetMs ?? 0) - (offsets[i] ?? 0)) < 500, `${clock?.offsetMs} ms`);
    });
    assert.ok(size(histograms.latency) > 600);
    const p50 = quantile(histograms.latency, 0.5) ?? 0;
    assert.ok(p50 < 500, `${p50} ms`);
    assert.equal(tests[0]?.tally.counts.received, 900);
  });

  test("is refused in one sentence where its instances could not know each other", async (t) => {
    const { url } = await server(t);
    const settings = { BASE_URL: url, OUT_DIR: temporaryDirectory(t) };
    const wrong: [string[], Record<string, string>, RegExp][] = [
      [segment(1, 2), {}, /RUN_ID is not set: the instances of a run share its id/],
      [["--execution-segment=0:1/2"], { RUN_ID }, /without --execution-segment-sequence/],
      [["--execution-segment=0:1/4", "--execution-segment-sequence=0,1/4,1"], { RUN_ID }, /have equal parts/],
      [
        segment(1, 2),
        { RUN_ID, GATE_URL: "http://127.0.0.1:9" },
        /GATE_URL is set: the instances of a run cannot/,
      ],
    ];
    for (const [args, more, sentence] of wrong) {
      const variables = Object.entries({ ...settings, ...more }).flatMap(([name, value]) => [
        "-e",
        `${name}=${value}`,
      ]);
      const { code, stderr } = await run(k6Binary(), [
        "run",
        "--quiet",
        ...args,
        ...variables,
        "dist/multiple-clients.js",
      ]).finished;
      assert.equal(code, 108);
      assert.match(stderr, sentence);
    }
    assert.equal((await countsOf({ url })).plans, 0);
  });
});

const parts = (out: string, of: number): RunRecord[] =>
  Array.from({ length: of }, (_, i) => readRecord(join(out, RUN_ID, `${i + 1}-of-${of}`))).filter(
    (record) => record !== undefined,
  );

describe("npm run merge", () => {
  test("names what cannot be read by its path", async (t) => {
    const out = temporaryDirectory(t);
    const path = join(out, "1-of-2", "run.json");
    mkdirSync(path, { recursive: true });
    const { code, stderr } = await merge(out, out);
    assert.equal(code, 1);
    assert.ok(stderr.startsWith(`${path} cannot be used (EISDIR)`), stderr);
  });

  test("refuses wrong input with one sentence, and writes nothing", async (t) => {
    const out = temporaryDirectory(t);
    const wrong: [string[], RegExp][] = [
      [[], /^what is to be merged\? Give records/],
      [["nowhere"], /nowhere does not exist: give the directory of a run or of an instance/],
      [[out], /holds no run\.json\nthere is no record to merge/],
    ];
    for (const [paths, sentence] of wrong) {
      const { code, stderr } = await merge(out, ...paths);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    }
  });
});
