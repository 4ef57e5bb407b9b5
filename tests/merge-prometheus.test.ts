import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { readRecord } from "../cli/files.ts";
import { prometheusOutput } from "../cli/prometheus.ts";
import { quantile } from "../record/histogram.ts";
import type { RunRecord, TestRecord } from "../record/record.ts";
import { COUNTERS } from "../run/series.ts";
import { instances, loadedBy, run, server, temporaryDirectory, until } from "./harness.ts";
import { missing, Prometheus } from "./prometheus.ts";

const merge = (...args: string[]) => run(process.execPath, ["dist/merge.mjs", ...args]).finished;

const fromPrometheus = (url: string, testid: string, out: string, env: Record<string, string> = {}) =>
  run(process.execPath, ["dist/merge.mjs", "--prometheus", url, "--testid", testid, "--out", out], env)
    .finished;

function recordIn(out: string, runId: string): RunRecord {
  return readRecord(join(out, runId)) ?? assert.fail(`there is no record of ${runId} in ${out}`);
}

/** What counts to the unit in a test's record, as far as Prometheus is sent it. */
function exactly({ name, group, plan, outcomes, tally }: TestRecord): object {
  const counts = Object.values(COUNTERS).map((count) => [count, tally.counts[count] ?? 0]);
  return { name, group, plan, outcomes, counts: Object.fromEntries(counts) };
}

/** A verdict of a percentile may be at the edge by resampling in one, and by its bucket in the other. */
const verdicts = ({ targets }: RunRecord | TestRecord) =>
  targets.map(({ id, verdict }) => [id, verdict === "at the edge" ? "met" : verdict]);

describe("npm run merge from Prometheus alone", { skip: missing("prometheus"), concurrency: false }, () => {
  let prometheus: Prometheus;
  before(async () => {
    prometheus = await Prometheus.start();
  });
  after(() => prometheus?.stop());

  const sending = () => prometheusOutput(prometheus.url, {});

  test("two instances: counts are those of their records, and percentiles within their buckets", async (t) => {
    const { url } = await server(t, "--fault", "latency=60");
    const [out, other] = [temporaryDirectory(t), temporaryDirectory(t)];
    const settings = {
      RUN_ID: "both",
      BASE_URL: url,
      OUT_DIR: out,
      RELEASE: "r1",
      ONLY: "multiple-clients,throughput,plan-scaling,endurance",
    };
    const ended = await Promise.all(instances("suite", 2, settings, sending()).map((one) => one.finished));
    for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
    const records = await merge("--out", out, join(out, "both"));
    const { code, stdout, stderr } = await fromPrometheus(prometheus.url, "both", other);
    const [known, seen] = [recordIn(out, "both"), recordIn(other, "both")];
    assert.deepEqual([seen.state, seen.test, seen.release], ["complete", "suite", "r1"], stdout + stderr);
    assert.deepEqual(
      seen.instances.map(({ name, state }) => [name, state]),
      [
        ["1-of-2", "complete"],
        ["2-of-2", "complete"],
      ],
    );
    assert.deepEqual(seen.tests.map(exactly), known.tests.map(exactly));
    assert.deepEqual(seen.tests.map(verdicts), known.tests.map(verdicts));
    assert.equal(code, records.code);
    for (const [i, { targets, timings, name }] of seen.tests.entries()) {
      const { interval, reason } = targets.find(({ id }) => id === "message-latency") ?? assert.fail();
      const p95 = quantile(known.tests[i]?.tally.latency ?? {}, 0.95) ?? assert.fail();
      const [low, high] = interval ?? assert.fail(reason);
      assert.ok(p95 >= low && p95 <= high, `${name}: ${p95} ms, and ${reason}`);
      assert.deepEqual(Object.keys(timings).sort(), Object.keys(known.tests[i]?.timings ?? {}).sort());
    }
    const rates = ({ rates }: RunRecord) =>
      rates.map(({ clients, offered, delivered }) => [clients, offered, delivered]).sort();
    assert.deepEqual(rates(seen), rates(known));
    const steps = ({ steps }: RunRecord) => steps.map(({ plans, completed }) => [plans, completed]);
    assert.deepEqual(steps(seen), steps(known));
    const phases = ({ samples }: RunRecord) => [...new Set(samples.kept.map(({ phase }) => phase))].sort();
    assert.deepEqual(phases(seen), phases(known));
    assert.equal(seen.findings.filter((text) => text.startsWith("made from Prometheus alone")).length, 1);
    assert.deepEqual(
      seen.clock?.uncertaintyMs.toFixed(6),
      known.clock?.uncertaintyMs.toFixed(6),
      "the clock's uncertainty",
    );
  });

  test("a record that knows more is not written over", async (t) => {
    const { url } = await server(t);
    const OUT_DIR = temporaryDirectory(t);
    const settings = { RUN_ID: "alone", BASE_URL: url, OUT_DIR, ONLY: "multiple-clients" };
    await instances("suite", 1, settings, sending())[0]?.finished;
    const { code, stderr } = await fromPrometheus(prometheus.url, "alone", OUT_DIR);
    assert.equal(code, 1);
    assert.match(stderr, /alone is there, and its records know more: merge those, or give another --out$/m);
    const out = temporaryDirectory(t);
    for (const _ of ["once", "and once more"]) await fromPrometheus(prometheus.url, "alone", out);
    const [known, seen] = [recordIn(OUT_DIR, "alone"), recordIn(out, "alone")];
    assert.equal(seen.state, "complete");
    assert.deepEqual(seen.tests.map(exactly), known.tests.map(exactly));
  });

  test("an instance that is killed makes it incomplete, and nothing is met", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const settings = { RUN_ID: "killed", BASE_URL: url, OUT_DIR: temporaryDirectory(t) };
    const [first, second] = instances("multiple-clients", 2, settings, sending());
    await until(async () => (await loadedBy(url)).includes("2-of-2"));
    second?.child.kill("SIGKILL");
    await Promise.all([first?.finished, second?.finished]);
    const { code, stdout } = await fromPrometheus(prometheus.url, "killed", out);
    assert.equal(code, 99);
    assert.match(stdout, /run incomplete/);
    assert.match(stdout, /! instance 2-of-2 (was broken off without a word|left no readable record)/);
    const { targets } = recordIn(out, "killed");
    assert.ok(targets.length > 0);
    assert.deepEqual([...new Set(targets.map(({ verdict }) => verdict))], ["no data"]);
  });

  test("a run that Prometheus does not know is refused in one sentence, and nothing is written", async (t) => {
    const { code, stderr } = await fromPrometheus(prometheus.url, 'no"such', temporaryDirectory(t));
    assert.equal(code, 1);
    assert.match(stderr, /^Prometheus knows no run no"such of the last 90 days: give the run's id[^\n]*\n$/);
  });
});

/** A server that answers every question with this. */
async function answering(t: TestContext, status: number, body: string): Promise<string> {
  const http = createServer((_, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

describe("npm run merge --prometheus refuses in one sentence", () => {
  test("what is no answer of a Prometheus", async (t) => {
    const out = temporaryDirectory(t);
    const wrong: [string, RegExp][] = [
      ["http://127.0.0.1:9", /cannot be reached \(.+\): start Prometheus, or correct the URL/],
      ["localhost:9090", /it must be a URL such as http:\/\/localhost:9090/],
      ["http://me:secret@localhost:9090", /holds credentials/],
      [await answering(t, 200, "<html>"), /does not answer as Prometheus does \(status 200\)/],
      [await answering(t, 404, "{}"), /does not answer as Prometheus does \(status 404\)/],
      [await answering(t, 401, ""), /refuses the credentials \(401\): set K6_PROMETHEUS_RW_USERNAME/],
      [
        await answering(t, 422, '{"status":"error","error":"query processing would load too many samples"}'),
        /^Prometheus could not answer: query processing would load too many samples$/m,
      ],
    ];
    for (const [url, sentence] of wrong) {
      const { code, stderr } = await fromPrometheus(url, "x", out);
      assert.equal(code, 1, url);
      assert.match(stderr, sentence);
      assert.doesNotMatch(stderr, /secret|\n./);
    }
  });

  test("one option without the other, and both beside records", async (t) => {
    const out = temporaryDirectory(t);
    for (const args of [
      ["--testid", "x"],
      ["--prometheus", "http://localhost:9"],
      ["r", "--testid", "x"],
    ]) {
      const { code, stderr } = await merge(...args, "--out", out);
      assert.equal(code, 1);
      assert.match(stderr, /^what is to be merged\? Give records, or both --prometheus and --testid/);
    }
  });
});
