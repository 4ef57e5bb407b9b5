import assert from "node:assert/strict";
import { test } from "node:test";
import { histogramOf } from "../record/histogram.ts";
import type { RunRecord } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { type ChangeWord, compareSides, FEWEST_RUNS } from "./compare.ts";
import type { TargetId } from "./targets.ts";
import { madeUpRecord } from "./testing.ts";

const wordOf = (before: RunRecord[], after: RunRecord[], id: TargetId): ChangeWord | undefined =>
  compareSides(before, after).find((change) => change.id === id)?.word;

const otherWords = (before: RunRecord, after: RunRecord): string[] =>
  compareSides([before], [after])
    .filter(({ word }) => word !== "same")
    .map(({ id, word, reason }) => `${id} ${word}: ${reason}`);

test("a healthy server's two transports are the same", () => {
  const pair = [madeUpRecord({ seed: 1 }), madeUpRecord({ seed: 2, transport: "ws" })] as const;
  assert.deepEqual(otherWords(...pair), []);
});

test("ten pairs of equal runs give at most one other word: healthy ones, on a slow machine too", () => {
  for (const latencyMs of [1, 5, 20]) {
    const others = Array.from({ length: 10 }, (_, i) =>
      otherWords(
        madeUpRecord({ seed: 100 + i, latencyMs }),
        madeUpRecord({ seed: 200 + i, latencyMs, transport: "ws" }),
      ),
    );
    assert.ok(others.flat().length <= 1, others.flat().join("\n"));
  }
});

test("pairs of equally flawed runs are hardly ever called better or worse", () => {
  const claims = Array.from({ length: 50 }, (_, i) => {
    const flaws = { lostShare: 0.4, refusedShare: 0.2 };
    const changes = compareSides(
      [madeUpRecord({ seed: 300 + i, ...flaws })],
      [madeUpRecord({ seed: 400 + i, ...flaws })],
    );
    return changes.filter(({ word }) => word === "better" || word === "worse").length;
  });
  assert.ok(claims.reduce((sum, n) => sum + n, 0) <= 5, claims.join(" "));
});

test("what got better and what got worse is found in a single pair", () => {
  const healthy = madeUpRecord({ seed: 1 });
  const flawed = madeUpRecord({ seed: 2, lostShare: 0.7, refusedShare: 0.9, latencyMs: 60 });
  for (const id of ["connection-success", "message-delivery", "clean-outcomes", "message-latency"] as const) {
    assert.equal(wordOf([flawed], [healthy], id), "better", id);
    assert.equal(wordOf([healthy], [flawed], id), "worse", id);
  }
});

test("a difference that chance may make of so few plans is not enough", () => {
  const few = madeUpRecord({ seed: 5, lostShare: 0.15 });
  const [change] = compareSides([madeUpRecord({ seed: 1 })], [few]).filter(
    ({ id }) => id === "message-delivery",
  );
  assert.equal(change?.word, "not enough");
  assert.match(
    change?.reason ?? "",
    /plans short of the target: 0 of 12, then [1-3] of 12, p = .*: it may be chance/,
  );
});

test("the latency of three plans a side is too little, however far apart; of four it tells", () => {
  const wordOfPlans = (count: number) => {
    const [fast, slow] = [madeUpRecord({ seed: 1 }), madeUpRecord({ seed: 2, latencyMs: 60 })].map(
      (record) => ({
        ...record,
        plans: { seen: count, kept: record.plans.kept.slice(0, count) },
      }),
    );
    return fast && slow && wordOf([fast], [slow], "message-latency");
  };
  assert.deepEqual([2, 3, 4].map(wordOfPlans), ["not enough", "not enough", "worse"]);
});

test("several runs a side add up", () => {
  const runs = (from: number, lostShare: number) =>
    Array.from({ length: 6 }, (_, i) => madeUpRecord({ seed: from + i, lostShare }));
  assert.equal(wordOf(runs(10, 0), runs(20, 0.15), "message-delivery"), "worse");
});

test("a record of before plans had counts makes no claim where counts are needed", () => {
  const old = madeUpRecord({ seed: 1 });
  const kept = old.plans.kept.map((plan) => ({ ...plan, counts: {} }));
  assert.equal(
    wordOf([{ ...old, plans: { seen: kept.length, kept } }], [madeUpRecord({ seed: 2 })], "message-delivery"),
    "not enough",
  );
});

/** A run with one value of a target. */
const runWith = (id: TargetId, value: number | null): RunRecord =>
  sampleRecord({
    targets: [
      {
        id,
        verdict: value === null ? "not measured" : "met",
        value,
        unit: "",
        target: "",
        observations: 1,
        interval: null,
        reason: "",
      },
    ],
  });
const runsWith = (id: TargetId, values: number[]): RunRecord[] => values.map((value) => runWith(id, value));

test("memory, processor time and scaling make no claim under four runs a side, and say so", () => {
  assert.equal(FEWEST_RUNS, 4);
  for (const id of ["memory-stability", "cpu-efficiency", "scaling", "throughput"] as const) {
    const [change] = compareSides(runsWith(id, [9, 9, 9]), runsWith(id, [1, 1, 1]));
    assert.equal(change?.word, "not enough");
    assert.match(change?.reason ?? "", /no claim under 4 runs a side \(3 and 3\)/);
  }
});

test("with four runs a side memory is compared", () => {
  const [leaking, steady] = [
    runsWith("memory-stability", [8, 9, 10, 11]),
    runsWith("memory-stability", [0, 0.1, 0.2, 0.3]),
  ];
  assert.equal(wordOf(leaking, steady, "memory-stability"), "better");
  assert.equal(wordOf(steady, leaking, "memory-stability"), "worse");
  assert.equal(wordOf(steady, steady, "memory-stability"), "same");
  const mixed = runsWith("memory-stability", [0, 10, 0.1, 9]);
  assert.equal(wordOf(steady, mixed, "memory-stability"), "same");
});

test("where the load generator itself came late, latencies are not compared", () => {
  const late = madeUpRecord({ seed: 2, latencyMs: 30 });
  const tests = late.tests.map((test) => ({
    ...test,
    timings: { "generator-lag": histogramOf([1, 40, 50]) },
  }));
  const [change] = compareSides([madeUpRecord({ seed: 1 })], [{ ...late, tests }]).filter(
    ({ id }) => id === "message-latency",
  );
  assert.equal(change?.word, "not enough");
  assert.match(
    change?.reason ?? "",
    /^the second side: the load generator's own timers came 50\.\d ms late$/,
  );
});

test("a side that measured nothing is told, and compares with nothing", () => {
  const [change] = compareSides(runsWith("scaling", [1]), [runWith("scaling", null)]);
  assert.deepEqual([change?.word, change?.reason], ["not enough", "no value on a side"]);
});

test("a test in which a side has no data is left out", () => {
  const broken = madeUpRecord({ seed: 2, lostShare: 1 });
  const [test] = broken.tests;
  const tests =
    test === undefined
      ? []
      : [{ ...test, targets: test.targets.map((judged) => ({ ...judged, verdict: "no data" as const })) }];
  const [change] = compareSides([madeUpRecord({ seed: 1 })], [{ ...broken, tests }]).filter(
    ({ id }) => id === "message-delivery",
  );
  assert.equal(change?.reason, "no test has data for it on both sides");
});

test("where plans and value change in opposite directions, that is said, and not that it may be chance", () => {
  const plans = (lost: number[]) =>
    lost.map((n, i) => ({
      test: "multiple-clients",
      plan: `p${i}`,
      counts: { due: 100, delivered: 100 - n, received: 100 - n },
      latency: {},
    }));
  const run = (lost: number[]): RunRecord => {
    const due = 100 * lost.length;
    const delivered = due - lost.reduce((sum, n) => sum + n, 0);
    const judged = {
      id: "message-delivery",
      verdict: "missed" as const,
      value: delivered / due,
      unit: "%",
      target: "100 %",
      observations: due,
      interval: null,
      reason: "",
    };
    return sampleRecord({
      targets: [judged],
      tests: [sampleTest({ targets: [judged], tally: { counts: { due, delivered }, latency: {} } })],
      plans: { seen: lost.length, kept: plans(lost) },
    });
  };
  const [few, all] = [Array(12).fill(1), [100, 100, ...Array(10).fill(0)]];
  const [change] = compareSides([run(few)], [run(all)]);
  assert.equal(change?.word, "not enough");
  assert.match(change?.reason ?? "", /p < 0\.001: plans and value changed in opposite directions$/);
});
