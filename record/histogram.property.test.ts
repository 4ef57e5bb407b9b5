import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bucketOf,
  bucketStart,
  histogramOf,
  mergeInto,
  quantile,
  type SparseHistogram,
  size,
} from "./histogram.ts";

/** Durations of all sizes, in milliseconds: within the range of a histogram each doubling is as likely as another. */
const inRange = fc
  .double({ min: Math.log2(0.011), max: Math.log2(160_000), noNaN: true })
  .map((power) => 2 ** power);
const duration = fc.oneof(
  { weight: 4, arbitrary: inRange },
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -1, 0.01, 0.02, 1e9),
);
const durations = fc.array(duration, { maxLength: 200 });

const merged = (...histograms: SparseHistogram[]): SparseHistogram => {
  const all: SparseHistogram = {};
  for (const histogram of histograms) mergeInto(all, histogram);
  return all;
};

test("histograms merged in any order and grouping are the histogram of all values", () => {
  fc.assert(
    fc.property(durations, durations, durations, (a, b, c) => {
      const [x, y, z] = [histogramOf(a), histogramOf(b), histogramOf(c)];
      const all = histogramOf([...a, ...b, ...c]);
      assert.deepEqual(merged(x, y, z), all);
      assert.deepEqual(merged(z, x, y), all);
      assert.deepEqual(merged(x, merged(y, z)), merged(merged(x, y), z));
      assert.deepEqual(merged(x, {}), x);
      assert.equal(size(all), a.length + b.length + c.length);
    }),
  );
});

test("a quantile is within 1.1 % of the exact one, of any values and at any share", () => {
  fc.assert(
    fc.property(
      fc.array(inRange, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
        const read = quantile(histogramOf(values), q) ?? Number.NaN;
        assert.ok(Math.abs(read / exact - 1) < 0.011, `${read} for ${exact}`);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a quantile grows with its share", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1 }), share, share, (values, p, q) => {
      const histogram = histogramOf(values);
      const [low = 0, high = 0] = [Math.min(p, q), Math.max(p, q)].map((one) => quantile(histogram, one));
      assert.ok(low <= high);
    }),
  );
});

test("every value lies between the beginning of its bucket and that of the next", () => {
  fc.assert(
    fc.property(inRange, (ms) => {
      const bucket = bucketOf(ms);
      const rounding = 1 + 1e-12;
      assert.ok(
        bucketStart(bucket) <= ms * rounding && ms <= bucketStart(bucket + 1) * rounding,
        `${ms} in ${bucket}`,
      );
    }),
    { numRuns: 1_000 },
  );
});
