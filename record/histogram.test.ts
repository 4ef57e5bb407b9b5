import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketMiddle, bucketOf, histogramOf, mergeInto, quantile, size } from "./histogram.ts";
import { seededRandom } from "./random.ts";

test("a quantile is within 1.1 % of the exact one", () => {
  const random = seededRandom(7);
  const values = Array.from({ length: 5_000 }, () => 0.05 * 1e6 ** random());
  const histogram = histogramOf(values);
  const sorted = values.toSorted((a, b) => a - b);
  for (const q of [0.01, 0.5, 0.95, 0.99]) {
    const exact = sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
    const read = quantile(histogram, q) ?? 0;
    assert.ok(Math.abs(read / exact - 1) < 0.011, `q ${q}: ${read} for ${exact}`);
  }
});

test("every value lies in a bucket whose middle is close to it", () => {
  for (const ms of [0.02, 0.5, 1, 99.9, 100.1, 30_000]) {
    assert.ok(Math.abs(bucketMiddle(bucketOf(ms)) / ms - 1) < 0.011, String(ms));
  }
});

test("values outside of the range are counted at its ends", () => {
  const histogram = histogramOf([-5, 0, 1e9]);
  assert.equal(size(histogram), 3);
  assert.ok((quantile(histogram, 0.1) ?? 1) < 0.01);
});

test("two histograms joined are the histogram of all", () => {
  const all = Array.from({ length: 100 }, (_, i) => i + 1);
  const joined = histogramOf(all.filter((i) => i % 3 === 0));
  mergeInto(joined, histogramOf(all.filter((i) => i % 3 !== 0)));
  assert.deepEqual(joined, histogramOf(all));
});

test("an empty histogram has no quantile", () => {
  assert.equal(quantile({}, 0.5), undefined);
});
