import assert from "node:assert/strict";
import { test } from "node:test";
import { histogramOf, type SparseHistogram } from "../record/histogram.ts";
import { fails, judge, type TestEvidence } from "./judge.ts";
import { gaugeValue, k6Thresholds } from "./k6.ts";
import { meets, NO_EVIDENCE, show, showTarget, TARGETS, type TargetId, target } from "./targets.ts";

/** Enough messages of each latency that a verdict rests on more than next to nothing. */
const EACH = 10;
const latencyOf = (...values: number[]) =>
  histogramOf(values.flatMap((value) => Array<number>(EACH).fill(value)));

const NOTHING: TestEvidence = {
  ...NO_EVIDENCE,
  test: "a-test",
  targets: [],
};

function verdictOf(id: TargetId, different: Partial<TestEvidence>) {
  const evidence: TestEvidence = { ...NOTHING, targets: [id], ...different };
  const [judged] = judge([[evidence]]).targets;
  assert.ok(judged !== undefined);
  return judged;
}

test("a share of all is met, a share of less is missed, and silence is no data", () => {
  assert.equal(verdictOf("connection-success", { counts: { attempts: 5, usable: 5 } }).verdict, "met");
  assert.equal(verdictOf("connection-success", { counts: { attempts: 5, usable: 4 } }).verdict, "missed");
  assert.equal(verdictOf("connection-success", { counts: {} }).verdict, "no data");
  assert.equal(verdictOf("server-errors", { counts: { requests: 9 } }).verdict, "met");
  assert.equal(verdictOf("server-errors", { counts: { requests: 9, serverErrors: 1 } }).verdict, "missed");
  assert.equal(verdictOf("server-errors", {}).verdict, "no data");
});

test("a message that came twice, or out of order, is not delivered as it should be", () => {
  const whole = { due: 100, delivered: 100 };
  assert.equal(verdictOf("message-delivery", { counts: whole }).verdict, "met");
  for (const flaw of [{ duplicates: 1 }, { reordered: 1 }]) {
    assert.equal(verdictOf("message-delivery", { counts: { ...whole, ...flaw } }).verdict, "missed");
  }
  const streams = [
    { p95Ms: 1, counts: { due: 50, delivered: 41 } },
    { p95Ms: 2, counts: whole },
  ];
  const { reason } = verdictOf("message-delivery", {
    counts: { due: 150, delivered: 141, duplicates: 2 },
    streams,
  });
  assert.match(reason, /139 of 150 messages due, 2 duplicates, worst stream lacks 9 of 50/);
});

test("what has no timestamp is neither called delivered nor timely nor lost in a gap; a few such messages are", () => {
  const latency = latencyOf(...Array.from({ length: 90 }, (_, i) => 1 + (i % 3)));
  const counts = { received: 1_000, due: 900, delivered: 900, gapMessages: 10, gapLost: 0 };
  const ids: TargetId[] = ["message-delivery", "message-latency", "reconnection-loss"];
  for (const id of ids) {
    const few = verdictOf(id, { latency, counts: { ...counts, unstamped: 10 } });
    const many = verdictOf(id, { latency, counts: { ...counts, unstamped: 11 } });
    assert.deepEqual([few.verdict, many.verdict], ["met", "no data"], id);
    assert.match(many.reason, /^a-test: 11 of 1000 messages had no believable timestamp; /);
  }
});

test("a loss is missed, whatever else is not known", () => {
  const counts = { received: 100, unstamped: 50, lossUnknown: 1, due: 50, delivered: 49 };
  assert.equal(verdictOf("message-delivery", { counts }).verdict, "missed");
});

test("delivery is no data where streams fell silent and nothing tells what they lack", () => {
  const counts = { received: 100, due: 100, delivered: 100 };
  const judged = verdictOf("message-delivery", { counts: { ...counts, lossUnknown: 2 } });
  assert.equal(judged.verdict, "no data");
  assert.match(judged.reason, /2 streams fell silent/);
});

test("an estimate whose interval straddles the target is at the edge", () => {
  const plans = [latencyOf(80, 85, 90), latencyOf(105, 110, 112), latencyOf(80, 82, 84)];
  const latency = latencyOf(80, 85, 90, 105, 110, 112, 80, 82, 84);
  const judged = verdictOf("message-latency", { latency, plans });
  assert.equal(judged.verdict, "at the edge");
  assert.ok(!fails(judged));
});

test("far beyond the target is no edge, however wide the interval", () => {
  const [quick, awful] = [latencyOf(2, 2, 2), latencyOf(30_000, 30_000, 30_000)];
  const latency = { ...quick, ...awful };
  const judged = verdictOf("message-latency", { latency, plans: [quick, quick, awful] });
  assert.ok((judged.interval?.[0] ?? 999) < 100, "the interval holds the target");
  assert.equal(judged.verdict, "missed");
});

test("an estimate that would be met is at the edge where its interval holds the target", () => {
  const plans = [latencyOf(90), latencyOf(92), latencyOf(115)];
  const latency = latencyOf(...Array.from({ length: 60 }, () => 90), 115);
  const judged = verdictOf("message-latency", { latency, plans });
  assert.ok((judged.value ?? 999) < 100);
  assert.equal(judged.verdict, "at the edge");
  const row = target("message-latency");
  assert.ok((gaugeValue(row, judged) ?? 999) < 100);
  assert.equal(gaugeValue(row, { ...judged, verdict: "missed", value: 149 }), 149);
});

test("where the limit lies in the bucket of the estimate, its side of it is not known, with one plan as with three", () => {
  const [within, beyond] = [latencyOf(99.8), latencyOf(102)];
  const verdictWith = (...plans: SparseHistogram[]) =>
    verdictOf("message-latency", { latency: plans[0] ?? {}, plans });
  const [judged, ofOne] = [verdictWith(within, within, within), verdictWith(within)];
  assert.deepEqual([judged.verdict, ofOne.verdict], ["at the edge", "at the edge"]);
  assert.ok((gaugeValue(target("message-latency"), judged) ?? 999) < 100);
  assert.deepEqual([verdictWith(beyond, beyond).verdict, verdictWith(beyond).verdict], ["missed", "missed"]);
  assert.equal(verdictWith(latencyOf(99), latencyOf(99)).verdict, "met");
});

test("at the edge of a target, a run that was broken off is no data", () => {
  const plans = [latencyOf(90), latencyOf(92), latencyOf(115)];
  const counts = { "users:expected": 3, "users:finished": 1 };
  const latency = latencyOf(90, 92, 115);
  assert.equal(verdictOf("message-latency", { latency, plans, counts }).verdict, "no data");
});

test("each share is of the right part in the right whole", () => {
  const shares: [TargetId, string, string][] = [
    ["connection-success", "usable", "attempts"],
    ["reconnection-success", "returned", "returns"],
    ["reconnection-loss", "gapLost", "gapMessages"],
    ["clean-outcomes", "acceptable", "ended"],
    ["responsiveness", "prompt", "probes"],
    ["fallback-report", "fallbackDelivered", "fallbackAsked"],
  ];
  for (const [id, part, whole] of shares) {
    const judged = verdictOf(id, { counts: { [part]: 3, [whole]: 4 } });
    assert.deepEqual([judged.value, judged.observations], [0.75, 4], id);
  }
});

test("latency is judged by its 95th percentile", () => {
  const latency = latencyOf(...Array.from({ length: 90 }, () => 2), ...Array.from({ length: 10 }, () => 500));
  const judged = verdictOf("message-latency", { latency });
  assert.ok(Math.abs((judged.value ?? 0) - 500) < 6, String(judged.value));
  assert.equal(judged.verdict, "missed");
});

test("clocks that disagree make no data of latency", () => {
  const latency = latencyOf(1, 2, 3);
  const judged = verdictOf("message-latency", { latency, counts: { negative: 3 } });
  assert.equal(judged.verdict, "no data");
  assert.match(judged.reason, /clocks disagree: 3 messages/);
});

test("a clock that is known less exactly than latency is from its target makes no data of it", () => {
  const latency = latencyOf(150, 160, 162);
  const judgedAt = (clockUncertaintyMs: number) =>
    verdictOf("message-latency", { latency, clockUncertaintyMs });
  assert.equal(judgedAt(200).verdict, "no data");
  assert.match(judgedAt(200).reason, /clocks: the server's is known to ± 200 ms only/);
  assert.equal(judgedAt(50).verdict, "missed");
  const quick = { latency: latencyOf(1, 2, 3), clockUncertaintyMs: 50 };
  assert.equal(verdictOf("message-latency", quick).verdict, "met");
});

test("an estimate that is wholly beyond the target is missed, wholly within it met", () => {
  const slow = latencyOf(150, 160, 170);
  assert.equal(verdictOf("message-latency", { latency: slow, plans: [slow, slow] }).verdict, "missed");
  const quick = latencyOf(1, 2, 3);
  assert.equal(verdictOf("message-latency", { latency: quick, plans: [quick, quick] }).verdict, "met");
});

test("what the generator broke off is no data, never met; what was missed stays missed", () => {
  const counts = { attempts: 5, usable: 5, "outcome:interrupted": 1 };
  assert.equal(verdictOf("connection-success", { counts }).verdict, "no data");
  assert.equal(verdictOf("connection-success", { counts: { ...counts, usable: 3 } }).verdict, "missed");
});

test("a virtual user that did not come to its end makes no data of what would be met", () => {
  const counts = { attempts: 5, usable: 5, "users:expected": 2, "users:finished": 1 };
  const { verdict, reason } = verdictOf("connection-success", { counts });
  assert.equal(verdict, "no data");
  assert.match(reason, /1 of 2 virtual users/);
});

test("over a run, the worst of its tests counts, and is named", () => {
  const row = (name: string, usable: number): TestEvidence => ({
    ...NOTHING,
    test: name,
    targets: ["connection-success"],
    counts: { attempts: 10, usable },
  });
  const { targets } = judge([[row("good", 10), row("worst", 2), row("bad", 9)]]);
  assert.equal(targets.length, 1);
  assert.equal(targets[0]?.value, 0.2);
  assert.match(targets[0]?.reason ?? "", /^worst: 2 of 10/);
});

test("a target that one test missed is missed over the run, whatever another could not see", () => {
  const saw = { ...NOTHING, test: "seeing", targets: ["connection-success" as const] };
  const blind = { ...saw, test: "blind" };
  const [judged] = judge([
    [blind, { ...saw, counts: { attempts: 5, usable: 4 } }, { ...blind, test: "last" }],
  ]).targets;
  assert.equal(judged?.verdict, "missed");
  assert.match(judged?.reason ?? "", /^seeing: /);
});

test("of two that are missed, the one further from its target is the run's", () => {
  const row = (name: string, different: Partial<TestEvidence>): TestEvidence => ({
    ...NOTHING,
    test: name,
    ...different,
  });
  const slow = (ms: number): Partial<TestEvidence> => ({
    targets: ["message-latency"],
    latency: latencyOf(ms),
  });
  const { targets } = judge([[row("slow", slow(150)), row("slowest", slow(900)), row("slower", slow(300))]]);
  assert.match(targets[0]?.reason ?? "", /^slowest: /);
});

test("the plans of all instances are resampled", () => {
  const instance = (...plans: number[]): TestEvidence[] => [
    {
      ...NOTHING,
      test: "t",
      targets: ["message-latency"],
      latency: latencyOf(...plans),
      plans: plans.map((ms) => latencyOf(ms)),
    },
  ];
  const [, high = 0] = judge([instance(2, 3), instance(80, 90)]).tests.t?.[0]?.interval ?? [];
  assert.ok(high > 50, String(high));
});

test("instances of one run are added up before they are judged", () => {
  const instance = (usable: number): TestEvidence[] => [
    { ...NOTHING, test: "t", targets: ["connection-success"], counts: { attempts: 4, usable } },
  ];
  const { tests } = judge([instance(4), instance(3)]);
  assert.equal(tests.t?.[0]?.value, 7 / 8);
  assert.equal(tests.t?.[0]?.observations, 8);
});

test("latency that the generator itself made is no data", () => {
  const latency = latencyOf(150, 160, 170);
  const judged = verdictOf("message-latency", { latency, queueDelay: latencyOf(90, 95) });
  assert.equal(judged.verdict, "no data");
  assert.match(judged.reason, /: generator overloaded: messages waited/);
  const late = verdictOf("message-latency", { latency, generatorLag: latencyOf(90, 95) });
  assert.equal(late.verdict, "no data");
  assert.match(late.reason, /: generator overloaded: its timers came/);
  const fast = { latency: latencyOf(1, 2, 3), generatorLag: latencyOf(90, 95) };
  assert.equal(
    verdictOf("message-latency", fast).verdict,
    "met",
    "it would be faster still without the delay",
  );
  assert.equal(verdictOf("message-latency", { latency, queueDelay: latencyOf(1, 2) }).verdict, "missed");
  const slower = { latency: latencyOf(300, 310, 320), generatorLag: latencyOf(90, 95) };
  assert.equal(verdictOf("message-latency", slower).verdict, "missed", "too slow whatever came on top");
  assert.equal(verdictOf("message-latency", { ...slower, bounds: [50, 100, 500] }).verdict, "no data");
});

test("throughput is the least that a client was given, where the pipeline offers enough", () => {
  const rate = (offered: number, delivered: number) => ({
    clients: 5,
    offered,
    delivered,
    slowReader: null,
  });
  assert.equal(verdictOf("throughput", { rates: [rate(1_500, 1_490), rate(1_500, 1_200)] }).verdict, "met");
  const missed = verdictOf("throughput", { rates: [rate(1_500, 1_490), rate(1_500, 300)] });
  assert.deepEqual([missed.verdict, missed.value], ["missed", 300]);
  const overloaded = { rates: [rate(1_500, 300)], generatorLag: latencyOf(90) };
  assert.equal(verdictOf("throughput", overloaded).verdict, "no data");
  const slow = verdictOf("throughput", { rates: [rate(800, 800)] });
  assert.equal(slow.verdict, "not measured");
  assert.match(slow.reason, /offered 800 msg\/s at most/);
  assert.equal(verdictOf("throughput", {}).verdict, "no data");
  const row = target("throughput");
  assert.deepEqual(k6Thresholds([{ name: "t", targets: ["throughput"] }])["throughput_shortfall{test:t}"], [
    "value<=0",
  ]);
  assert.equal(gaugeValue(row, missed), 700);
  assert.equal(gaugeValue(row, slow), undefined);
});

test("scaling is the largest exponent between neighbouring steps, and names the cliff", () => {
  const step = (plans: number, completionMs: number, completed = plans) => ({
    test: "t",
    plans,
    completed,
    completionMs,
    firstMessageMs: 1,
    due: 1,
    delivered: 1,
  });
  assert.equal(verdictOf("scaling", { steps: [step(1, 500), step(4, 510), step(16, 600)] }).verdict, "met");
  const linear = verdictOf("scaling", { steps: [step(2, 500), step(4, 1_000)] });
  assert.ok(Math.abs((linear.value ?? 0) - 1) < 1e-9);
  const cliff = verdictOf("scaling", { steps: [step(1, 500), step(16, 3_000, 9), step(4, 510)] });
  assert.equal(cliff.verdict, "missed");
  assert.match(cliff.reason, /from 4 to 16 plans; cliff at 16 plans \(9 completed\)/);
  assert.equal(verdictOf("scaling", { steps: [step(1, 500)] }).verdict, "no data");
  const never = verdictOf("scaling", { steps: [step(1, 2_500, 0), step(4, 2_500, 0), step(16, 2_500, 0)] });
  assert.equal(never.verdict, "no data");
  assert.match(never.reason, /not all plans were completed.*cliff at 1 plans \(0 completed\)/);
  const slow = verdictOf("scaling", { steps: [step(10, 50_000), step(20, 60_000, 0)] });
  assert.equal(slow.verdict, "no data");
});

test("every target has thresholds in k6, and a floor against silence beside each", () => {
  const targets = TARGETS.map(({ id }) => id);
  const thresholds = k6Thresholds([{ name: "t", targets }]);
  assert.equal(Object.keys(thresholds).length, 2 * targets.length);
  for (const row of TARGETS) {
    assert.ok(thresholds[`${row.form.metric}{test:t}`], row.id);
    assert.deepEqual(thresholds[`target_observed{target:${row.id},test:t}`], ["value>0"]);
  }
  assert.deepEqual(thresholds["message_latency{test:t}"], ["value<100"]);
  assert.deepEqual(thresholds["connection_success{test:t}"], ["rate>=1"]);
});

test("the test plan's numbers stand in the table", () => {
  const numbers = Object.fromEntries(
    TARGETS.map(({ id, comparison, limit }) => [id, `${comparison}${limit}`]),
  );
  assert.deepEqual(numbers, {
    "connection-success": ">=1",
    "message-delivery": ">=1",
    "reconnection-success": ">=1",
    "reconnection-loss": "<=0",
    "message-latency": "<100",
    throughput: ">1000",
    "memory-stability": "<1",
    "cpu-efficiency": "<0.05",
    scaling: "<=1.1",
    "clean-outcomes": ">=1",
    "server-errors": "==0",
    responsiveness: ">=1",
    "fallback-report": ">=1",
    "resource-stability": "<=0",
  });
});

test("values are shown in their unit, and never rounded up to a target", () => {
  const delivery = target("message-delivery");
  assert.equal(show(delivery, 1), "100 %");
  assert.equal(show(delivery, 0.99999), "99.99 %");
  assert.equal(show(delivery, null), "–");
  assert.equal(show(target("message-latency"), 99.96), "99.9 ms");
  assert.equal(showTarget(target("message-latency")), "< 100 ms");
  assert.equal(showTarget(delivery), "100 %");
  assert.equal(showTarget(target("cpu-efficiency")), "< 5 %");
  assert.equal(showTarget(target("memory-stability")), "< 1 %/h");
  assert.ok(!meets(target("message-latency"), 100));
});

test("what the server did not tell is neither met nor missed", () => {
  const shares: [TargetId, string, string, string][] = [
    ["connection-success", "usable", "attempts", "attemptsUnknown"],
    ["reconnection-success", "returned", "returns", "returnsUnknown"],
    ["clean-outcomes", "acceptable", "ended", "outcomesUnknown"],
    ["fallback-report", "fallbackDelivered", "fallbackAsked", "fallbacksUnknown"],
  ];
  for (const [id, part, whole, unknown] of shares) {
    const judged = verdictOf(id, { counts: { [part]: 5, [whole]: 5, [unknown]: 2 } });
    assert.equal(judged.verdict, "no data", id);
    assert.match(judged.reason, /of 2 more it is not known: the server did not tell; 5 of 5/);
    assert.equal(verdictOf(id, { counts: { [part]: 4, [whole]: 5, [unknown]: 2 } }).verdict, "missed", id);
    assert.equal(verdictOf(id, { counts: { [unknown]: 2 } }).verdict, "no data", id);
  }
});

test("a request that was not answered may have been a 5xx: none is not known, one is one", () => {
  const judged = verdictOf("server-errors", { counts: { requests: 399, unanswered: 265 } });
  assert.equal(judged.verdict, "no data");
  assert.match(judged.reason, /265 of 399 requests were not answered; in 399 requests/);
  const failed = { requests: 399, unanswered: 265, serverErrors: 1 };
  assert.equal(verdictOf("server-errors", { counts: failed }).verdict, "missed");
});

test("a verdict on next to nothing is no data, and a loss among little is a loss", () => {
  const next = { due: 1, delivered: 1, received: 180 };
  const judged = verdictOf("message-delivery", { counts: next });
  assert.equal(judged.verdict, "no data");
  assert.match(judged.reason, /too few to judge: 1 of 180 messages received; 1 of 1 messages due/);
  assert.equal(verdictOf("message-delivery", { counts: { ...next, delivered: 0 } }).verdict, "missed");
  const replayed = { due: 17, delivered: 17, received: 180 };
  assert.equal(verdictOf("message-delivery", { counts: replayed }).verdict, "no data");
  assert.equal(verdictOf("message-delivery", { counts: { ...replayed, received: 17 } }).verdict, "met");
  assert.equal(verdictOf("reconnection-loss", { counts: { gapMessages: 3, gapLost: 0 } }).verdict, "no data");
  assert.equal(verdictOf("reconnection-loss", { counts: { gapMessages: 3, gapLost: 3 } }).verdict, "missed");
});

test("what was not made, because the time was over, did not fail: it leaves what was made without a verdict", () => {
  const counts = { attempts: 35, usable: 35, notMade: 965 };
  const judged = verdictOf("connection-success", { counts });
  assert.equal(judged.verdict, "no data");
  assert.match(
    judged.reason,
    /965 plans or checks were not made, because the test's time was over; 35 of 35/,
  );
  assert.equal(verdictOf("connection-success", { counts: { ...counts, usable: 33 } }).verdict, "missed");
});

test("a test that was not played has one reason for all of its targets, whatever it counted", () => {
  const withheld = "the server had not recovered from a-test after 60 s";
  const judged = verdictOf("connection-success", { withheld, counts: { attempts: 2, usable: 0 } });
  assert.deepEqual([judged.verdict, judged.reason], ["no data", `a-test: ${withheld}`]);
});

test("a late timer takes neither a long duration's verdict nor the note of the cliff; plans not known are told", () => {
  const steps = [
    { test: "t", plans: 10, completed: 10, completionMs: 5_000 },
    { test: "t", plans: 20, completed: 5, unknown: 3, completionMs: 60_000 },
  ].map((one) => ({ ...one, firstMessageMs: 1, due: 1, delivered: 1 })) as TestEvidence["steps"];
  const late = verdictOf("scaling", { steps, generatorLag: latencyOf(10.4, 12) });
  assert.equal(late.verdict, "missed");
  assert.match(late.reason, /cliff at 20 plans \(5 completed, 3 not known: the server did not tell\)/);
  const short = steps.map((one) => ({ ...one, completionMs: one.plans * one.plans, completed: one.plans }));
  assert.equal(verdictOf("scaling", { steps: short, generatorLag: latencyOf(300, 300) }).verdict, "no data");
});
