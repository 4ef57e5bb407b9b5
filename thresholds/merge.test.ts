import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, histogramOf, quantile } from "../record/histogram.ts";
import { MOST_KEPT } from "../record/join.ts";
import { seededRandom } from "../record/random.ts";
import { type Judged, parseRecord, type RunRecord, type StreamReport } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { mergeRecords } from "./merge.ts";

const LATENCY = { id: "message-latency" } as Judged;

/** The record of an instance whose one plan's messages had these latencies. */
function part(number: number, of: number, latencies: readonly number[], different: Partial<RunRecord> = {}) {
  const latency = histogramOf(latencies);
  const counts = { "users:expected": 1, "users:finished": 1, due: latencies.length };
  return sampleRecord({
    instance: `${number}-of-${of}`,
    tests: [sampleTest({ targets: [LATENCY], tally: { counts, latency }, outcomes: { completed: 1 } })],
    plans: {
      seen: 1,
      kept: [{ test: "multiple-clients", plan: `p${number}`, latency }],
    } as RunRecord["plans"],
    histograms: { latency: { ...latency } },
    ...different,
  });
}

const stream = (different: Partial<StreamReport> = {}): StreamReport => ({
  test: "multiple-clients",
  plan: "p",
  client: "client 1",
  outcome: "completed",
  acceptable: true,
  reason: "",
  startedAt: 1_000,
  openedAt: 1_001,
  endedAt: 2_000,
  firstMessageMs: 1,
  p95Ms: 1,
  counts: {},
  ...different,
});

test("percentiles are those of all messages, to a bucket's 1.1 %", () => {
  const random = seededRandom(7);
  const shares = [1, 2, 3, 4].map((scale) => Array.from({ length: 500 }, () => scale * 10 * (1 + random())));
  const all = shares.flat().sort((a, b) => a - b);
  const { histograms, targets, tests } = mergeRecords(shares.map((share, i) => part(i + 1, 4, share)));
  assert.deepEqual(histograms.latency, histogramOf(all));
  const exact = all[Math.ceil(0.95 * all.length) - 1] ?? 0;
  const p95 = quantile(histograms.latency, 0.95) ?? 0;
  assert.ok(Math.abs(p95 / exact - 1) < 0.011, `${p95} ms, exactly ${exact} ms`);
  assert.deepEqual([targets[0]?.verdict, targets[0]?.value], ["met", p95]);
  assert.equal(tests[0]?.tally.counts.due, 2_000);
  assert.equal(tests[0]?.outcomes.completed, 4);
});

test("what one instance alone would miss, the whole may meet, and the other way round", () => {
  const verdicts = (...shares: number[][]) =>
    mergeRecords(shares.map((share, i) => part(i + 1, shares.length, share))).targets.map(
      ({ verdict }) => verdict,
    );
  const many = (ms: number) => Array.from({ length: 20 }, () => Array(50).fill(ms) as number[]);
  assert.deepEqual(verdicts(...many(5), [500]), ["met"]);
  assert.deepEqual(verdicts(...many(500), [5]), ["missed"]);
});

test("an instance that is missing or broken is named, and nothing is met; what is missed stays missed", () => {
  const cases: [RunRecord[], string][] = [
    [[part(1, 3, [5]), part(3, 3, [5])], "instance 2-of-3 left no readable record"],
    [
      [part(1, 2, [5]), part(2, 2, [5], { state: "running" })],
      "instance 2-of-2 was broken off without a word, or still runs",
    ],
    [
      [part(1, 2, [5], { state: "interrupted" }), part(2, 2, [5])],
      "instance 1-of-2 is not complete: interrupted",
    ],
  ];
  for (const [records, doubt] of cases) {
    const { state, findings, targets } = mergeRecords(records);
    assert.equal(state, "incomplete");
    assert.equal(findings[0], doubt);
    const { runId } = sampleRecord();
    const name = /\d-of-\d/.exec(doubt)?.[0];
    const left = `plans of instance ${name} may be left on the server: those with "[run ${runId}, instance ${name}]" in their prompts; npm run cleanup -- ${runId} deletes what is left of the run`;
    assert.deepEqual(findings.slice(1), doubt.includes("interrupted") ? [] : [left]);
    assert.deepEqual(
      targets.map(({ verdict, reason }) => [verdict, reason]),
      [["no data", doubt]],
    );
  }
  const slow = [5, 6, 7].map((n) => 100 * n);
  assert.equal(mergeRecords([part(1, 2, slow)]).targets[0]?.verdict, "missed");
});

test("an instance without an iteration is a part like any other", () => {
  const idle = part(2, 2, [], { plans: { seen: 0, kept: [] } });
  const [only] = idle.tests;
  if (only !== undefined) only.tally.counts = { "users:expected": 0 };
  const { state, targets } = mergeRecords([part(1, 2, Array(10).fill(5)), idle]);
  assert.deepEqual([state, targets[0]?.verdict], ["complete", "met"]);
});

test("times are on the server's clock, whatever those of the instances are off", () => {
  const clock = (offsetMs: number) => ({ offsetMs, uncertaintyMs: 2, applied: Math.abs(offsetMs) > 2 });
  const at = (ms: number) => ({
    streams: { seen: 1, kept: [stream({ startedAt: ms, openedAt: null, endedAt: ms + 500 })] },
    windows: {
      "multiple-clients": { widthMs: 1_000, items: [{ at: ms, counts: { messages: 1 }, latency: {} }] },
    },
    startedAt: new Date(ms).toISOString(),
  });
  const record = mergeRecords([
    part(1, 3, [5], { clock: clock(0.5), ...at(100_000) }),
    part(2, 3, [5], { clock: clock(5_000), ...at(95_000) }),
    part(3, 3, [5], { clock: clock(-7_000), ...at(107_000) }),
  ]);
  assert.deepEqual(
    record.streams.kept.map(({ startedAt, openedAt, endedAt }) => [startedAt, openedAt, endedAt]),
    Array(3).fill([100_000, null, 100_500]),
  );
  assert.deepEqual(record.windows["multiple-clients"]?.items, [
    { at: 100_000, counts: { messages: 3 }, latency: {} },
  ]);
  assert.equal(record.startedAt, new Date(100_000).toISOString());
  assert.deepEqual(record.clock, { offsetMs: 0, uncertaintyMs: 2, applied: false });
  assert.deepEqual(
    record.instances.map(({ clock }) => clock?.offsetMs),
    [0.5, 5_000, -7_000],
  );
});

test("what is merged can be read again, also where the time of a step is not known", () => {
  const step = { test: "plan-scaling", plans: 4, completed: 4, completionMs: 1, firstMessageMs: null };
  const shares = [1, 2].map((number) => {
    const ofEarlierVersion = {
      ...sampleRecord({ instance: `${number}-of-2` }),
      steps: [{ ...step, due: 1, delivered: 1 }],
    };
    const record = parseRecord(JSON.stringify(ofEarlierVersion), "run.json");
    return { ...record, clock: { offsetMs: -7_000, uncertaintyMs: 2, applied: true } };
  });
  const { steps } = parseRecord(JSON.stringify(mergeRecords(shares)), "merged.json");
  assert.deepEqual(
    steps.map(({ startedAt, endedAt }) => [startedAt, endedAt]),
    Array(2).fill([null, null]),
  );
});

test("where no instance knows the server's clock well enough, latency near its target is no data", () => {
  const clock = (uncertaintyMs: number) => ({ clock: { offsetMs: 0, uncertaintyMs, applied: false } });
  const verdicts = (uncertaintyMs: number) =>
    mergeRecords([
      part(1, 2, Array(5).fill(90), clock(1)),
      part(2, 2, Array(5).fill(90), clock(uncertaintyMs)),
    ]).targets.map(({ verdict, reason }) => [verdict, reason.replace(/^.*: /, "")]);
  const uncertain = "the server's is known to ± 40 ms only; 10 messages, worst stream 0.0 ms";
  assert.deepEqual(verdicts(40), [["no data", uncertain]]);
  assert.deepEqual(verdicts(2).flat()[0], "met");
});

test("of very many streams those that went worst are kept, and a part of each instance's others", () => {
  const many = (count: number, plan: string) =>
    Array.from({ length: count }, () => stream({ plan, p95Ms: 0 }));
  const worst = stream({ plan: "worst", acceptable: false });
  const record = mergeRecords([
    part(1, 2, [5], { streams: { seen: 9_000, kept: many(MOST_KEPT, "a") } }),
    part(2, 2, [5], { streams: { seen: 1_000, kept: [...many(1_000, "b"), worst] } }),
  ]);
  const kept = (plan: string) => record.streams.kept.filter((one) => one.plan === plan).length;
  assert.equal(record.streams.seen, 10_000);
  assert.equal(kept("worst"), 1);
  assert.ok(Math.abs(kept("b") - MOST_KEPT / 10) < 3, `${kept("b")} of the second instance`);
  assert.ok(Math.abs(record.streams.kept.length - MOST_KEPT) < 5);
});

test("windows that are too many become wider, and lose nothing", () => {
  const items = (from: number) =>
    Array.from({ length: 1_500 }, (_, i) => ({
      at: (from + i) * 1_000,
      counts: { messages: 1 },
      latency: { [bucketOf(5)]: 1 },
    }));
  const series = (from: number) => ({ windows: { x: { widthMs: 1_000, items: items(from) } } });
  const { windows } = mergeRecords([part(1, 2, [5], series(0)), part(2, 2, [5], series(1_500))]);
  assert.equal(windows.x?.widthMs, 2_000);
  assert.equal(windows.x?.items.length, 1_500);
  assert.equal(
    windows.x?.items.reduce((sum, { counts }) => sum + (counts.messages ?? 0), 0),
    3_000,
  );
});

test("records that are not those of one run's instances are refused in one sentence", () => {
  const cases: [RunRecord[], RegExp][] = [
    [[], /^there is no record to merge: give the directories of the instances$/],
    [
      [part(1, 2, [5]), part(2, 2, [5], { runId: "other" })],
      /^these are no instances of one run: runId is .* and other in another$/,
    ],
    [[part(1, 2, [5]), part(1, 2, [5])], /^instance 1-of-2 is there twice: give each record once$/],
    [[part(1, 2, [5]), part(2, 3, [5])], /^instance 2-of-3 is none of a run that 2 instances share$/],
    [[part(1, 2, [5], { instance: "left" })], /^a record is of instance left, which is none$/],
    [[mergeRecords([part(1, 2, [5])])], /^20\S+ is merged already: give the records of its instances$/],
  ];
  for (const [records, message] of cases) assert.throws(() => mergeRecords(records), { message });
});
