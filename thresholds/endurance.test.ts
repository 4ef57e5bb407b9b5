import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../record/random.ts";
import type { ServerSample } from "../record/record.ts";
import { idleCpu, memoryGrowth, PHASES, resourceGrowth } from "./endurance.ts";
import { median, theilSen } from "./slope.ts";

const NOTHING = {
  test: "t",
  residentBytes: null,
  cpuSeconds: null,
  threads: null,
  openFiles: null,
  k6ResidentBytes: 0,
};

/** Samples every 10 s under load: memory with noise of 1 %, growing by `perHour` (a share of 1). */
function memory(minutes: number, perHour: number, seed: number): ServerSample[] {
  const random = seededRandom(seed);
  return Array.from({ length: minutes * 6 }, (_, i) => {
    const hours = i / 360;
    const residentBytes = 1e8 * (1 + perHour * hours) * (1 + 0.02 * (random() - 0.5));
    return { ...NOTHING, at: i * 10_000, phase: PHASES.load, residentBytes };
  });
}

test("the Theil-Sen slope is not moved by outliers, and its interval holds the truth", () => {
  const random = seededRandom(3);
  const points = Array.from({ length: 60 }, (_, x) => [x, 3 * x + random()] as const);
  const spoilt = points.map(([x, y], i) => [x, i % 10 === 0 ? 1e6 : y] as const);
  for (const { slope, interval } of [theilSen(points), theilSen(spoilt)].map((one) => one ?? assert.fail())) {
    assert.ok(Math.abs(slope - 3) < 0.05, String(slope));
    assert.ok(interval[0] < 3.01 && interval[1] > 2.99, String(interval));
  }
  assert.equal(theilSen([[0, 1]]), undefined);
});

test("the interval of the slope holds the truth in about 95 of 100 runs", () => {
  let held = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed);
    const { interval } =
      theilSen(Array.from({ length: 40 }, (_, x) => [x, x + 10 * random()] as const)) ?? assert.fail();
    if (interval[0] <= 1 && interval[1] >= 1) held++;
  }
  assert.ok(held >= 88, `${held} of 100`);
});

test("two hours tell 10 % an hour from none", () => {
  const leaking = memoryGrowth(memory(120, 0.1, 1));
  assert.ok(Math.abs((leaking.value ?? 0) - 10) < 2, String(leaking.value));
  assert.ok((leaking.interval?.[0] ?? 0) > 1);
  const steady = memoryGrowth(memory(120, 0, 2));
  assert.ok((steady.interval?.[1] ?? 9) < 1, String(steady.interval));
  assert.equal(steady.notMeasured, undefined);
});

test("a short run is too short, unless no start of a process explains the growth", () => {
  assert.match(memoryGrowth(memory(2, 3, 1)).notMeasured ?? "", /^too short for a slope: over 2 min/);
  const flood = memoryGrowth(memory(2, 40, 1));
  assert.equal(flood.notMeasured, undefined);
  assert.ok((flood.interval?.[0] ?? 0) > 1_000);
});

test("without figures from the server, its memory, processor and files are not measured", () => {
  const dumb = [PHASES.load, PHASES.idle, PHASES.restBefore, PHASES.restAfter].map((phase, at) => ({
    ...NOTHING,
    at,
    phase,
  }));
  for (const measure of [memoryGrowth(dumb), idleCpu(dumb), resourceGrowth(dumb)]) {
    assert.match(measure.notMeasured ?? "", /SERVER_METRICS_URL/);
  }
});

test("processor time is that of the idle phase alone", () => {
  const at = (seconds: number, cpuSeconds: number, phase: string) => ({
    ...NOTHING,
    at: seconds * 1_000,
    cpuSeconds,
    phase,
  });
  const samples = [
    at(0, 0, PHASES.load),
    at(10, 9, PHASES.load),
    at(20, 9, PHASES.idle),
    at(30, 9.3, PHASES.idle),
  ];
  assert.ok(Math.abs((idleCpu(samples).value ?? 0) - 0.03) < 1e-9);
  const restarted = idleCpu([...samples, at(40, 0.1, PHASES.idle), at(50, 9.5, PHASES.idle)]);
  assert.match(restarted.noData ?? "", /began anew/);
});

test("growth of a process that began anew is not known", () => {
  const at = (minute: number, phase: string, cpuSeconds: number) => ({
    ...NOTHING,
    at: minute * 60_000,
    phase,
    cpuSeconds,
    residentBytes: 1e8,
    threads: 11,
    openFiles: 20,
  });
  const phaseOf = (minute: number) => {
    if (minute < 5) return PHASES.restBefore;
    return minute < 55 ? PHASES.load : PHASES.restAfter;
  };
  const samples = Array.from({ length: 60 }, (_, minute) => at(minute, phaseOf(minute), minute));
  assert.equal(memoryGrowth(samples).value, 0);
  assert.equal(resourceGrowth(samples).value, 0);
  const restarted = samples.map((sample, minute) => ({ ...sample, cpuSeconds: minute % 30 }));
  assert.match(memoryGrowth(restarted).noData ?? "", /began anew/);
  assert.match(resourceGrowth(restarted).noData ?? "", /began anew/);
});

test("threads and files that stay after the churn are growth, those given back are not", () => {
  const at = (phase: string, threads: number, openFiles: number) => ({
    ...NOTHING,
    at: 0,
    phase,
    threads,
    openFiles,
  });
  const before = [20, 21, 20].map((files) => at(PHASES.restBefore, 11, files));
  const after = (files: number) => [at(PHASES.restAfter, 11, files), at(PHASES.restAfter, 11, files)];
  assert.equal(resourceGrowth([...before, ...after(20)]).value, 0);
  assert.equal(resourceGrowth([...before, ...after(18)]).value, 0);
  const grown = resourceGrowth([...before, at(PHASES.load, 50, 90), ...after(27)]);
  assert.equal(grown.value, 7);
  assert.match(grown.note ?? "", /open files 20 to 27/);
});

test("the median of an even number of values is between the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
});
