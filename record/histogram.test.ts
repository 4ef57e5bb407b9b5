import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketMiddle, bucketOf, Histogram, mergeInto, quantile, size } from "./histogram.ts";
import { seededRandom } from "./random.ts";

test("a quantile is within 1.1 % of the exact one", () => {
  const random = seededRandom(7);
  const values = Array.from({ length: 5_000 }, () => 0.05 * 1e6 ** random());
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  const sorted = values.toSorted((a, b) => a - b);
  for (const q of [0.01, 0.5, 0.95, 0.99]) {
    const exact = sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
    const read = quantile(histogram.toSparse(), q) ?? 0;
    assert.ok(Math.abs(read / exact - 1) < 0.011, `q ${q}: ${read} for ${exact}`);
  }
});

test("every value lies in a bucket whose middle is close to it", () => {
  for (const ms of [0.02, 0.5, 1, 99.9, 100.1, 30_000]) {
    assert.ok(Math.abs(bucketMiddle(bucketOf(ms)) / ms - 1) < 0.011, String(ms));
  }
});

test("values outside of the range are counted at its ends", () => {
  const histogram = new Histogram();
  for (const ms of [-5, 0, 1e9]) histogram.add(ms);
  assert.equal(size(histogram.toSparse()), 3);
  assert.ok((quantile(histogram.toSparse(), 0.1) ?? 1) < 0.01);
});

test("two histograms joined are the histogram of all", () => {
  const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let i = 1; i <= 100; i++) {
    (i % 3 === 0 ? a : b).add(i);
    both.add(i);
  }
  const joined = { ...a.toSparse() };
  mergeInto(joined, b.toSparse());
  assert.deepEqual(joined, both.toSparse());
});

test("an empty histogram has no quantile", () => {
  assert.equal(quantile({}, 0.5), undefined);
});
