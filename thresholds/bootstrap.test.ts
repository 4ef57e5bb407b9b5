import assert from "node:assert/strict";
import { test } from "node:test";
import { histogramOf, quantile } from "../record/histogram.ts";
import { seededRandom } from "../record/random.ts";
import { spread } from "./bootstrap.ts";

test("the interval of a median holds the truth in about 95 of 100 samples of plans", () => {
  let held = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed);
    const plans = Array.from({ length: 25 }, () => histogramOf([10 + 100 * random()]));
    const [low, high] = spread(plans, (histogram) => quantile(histogram, 0.5)) ?? assert.fail();
    if (low <= 60 && high >= 60) held++;
  }
  assert.ok(held >= 86, `${held} of 100`);
});

test("one plan has no interval, nor have plans without messages", () => {
  assert.equal(
    spread([{ "10": 5 }], () => 1),
    undefined,
  );
  assert.equal(
    spread([{ "10": 5 }, {}, {}], () => 1),
    undefined,
  );
});
