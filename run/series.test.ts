import assert from "node:assert/strict";
import { test } from "node:test";
import { histogramOf, quantile, size } from "../record/histogram.ts";
import { VERDICTS } from "../record/record.ts";
import { TARGETS, target } from "../thresholds/targets.ts";
import { BOUNDS_MS, COUNTERS, countsWithin, histogramWithin, verdictNumber } from "./series.ts";

test("buckets are cumulative, as Prometheus has them, and end with all", () => {
  const within = new Map(countsWithin(histogramOf([0.4, 3, 90, 110, 110, 60_000])));
  const expected = { "0.001": 1, "0.005": 2, "0.075": 2, "0.1": 3, "0.15": 5, "10": 5, "+Inf": 6 };
  for (const [le, count] of Object.entries(expected)) assert.equal(within.get(le), count, le);
  assert.equal(within.size, BOUNDS_MS.length);
});

test("a histogram made of buckets has their counts, and quantiles within them", () => {
  const durations = Array.from({ length: 1_000 }, (_, i) => 0.2 * (i + 1)).concat(15_000);
  const counts = countsWithin(histogramOf(durations));
  const histogram = histogramWithin(counts);
  assert.equal(size(histogram), durations.length);
  assert.deepEqual(countsWithin(histogram), counts);
  const p40 = quantile(histogram, 0.4) ?? assert.fail();
  assert.ok(p40 > 75 && p40 <= target("message-latency").limit, `${p40} ms`);
});

test("the limit of message latency is a bound", () => {
  assert.ok(BOUNDS_MS.includes(target("message-latency").limit));
});

test("targets that k6 judges by a counter have one of the counters that are sent", () => {
  const counters = TARGETS.filter(({ form }) => form.kind === "counter").map(({ form }) => form.metric);
  assert.ok(counters.length > 0);
  for (const metric of counters) assert.ok(metric in COUNTERS, metric);
});

test("verdicts are numbered as the documents say", () => {
  assert.deepEqual(
    VERDICTS.map((verdict) => [verdict, verdictNumber(verdict)]),
    [
      ["met", 0],
      ["at the edge", 1],
      ["not measured", 2],
      ["no data", 3],
      ["missed", 4],
    ],
  );
});
