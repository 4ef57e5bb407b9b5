import assert from "node:assert/strict";
import { test } from "node:test";
import { fisher, rankSum, smallestP } from "./exact.ts";

const near = (seen: number, expected: number) =>
  assert.ok(Math.abs(seen - expected) < 1e-4 * Math.max(1e-3, expected), `${seen} is not ${expected}`);

const stratum = (flawedBefore: number, before: number, flawedAfter: number, after: number) =>
  [
    { flawed: flawedBefore, of: before },
    { flawed: flawedAfter, of: after },
  ] as const;

test("Fisher's test gives the p of the textbooks", () => {
  // The lady tasting tea, two-sided; and R: fisher.test(matrix(c(8, 2, 1, 5), 2)).
  near(fisher([stratum(3, 4, 1, 4)]), 0.485714);
  near(fisher([stratum(8, 10, 1, 6)]), 0.034965);
  assert.equal(fisher([stratum(0, 5, 0, 5)]), 1);
});

test("strata add up, and each is compared within itself", () => {
  near(fisher([stratum(3, 3, 0, 3), stratum(3, 3, 0, 3)]), 2 / 20 ** 2);
  // One test always fails and another never: the same on both sides, however unequal their numbers.
  assert.equal(fisher([stratum(9, 9, 1, 1), stratum(0, 1, 0, 9)]), 1);
});

test("three plans a side can never show a difference, five can", () => {
  near(smallestP([stratum(0, 3, 0, 3)]), 2 / 20);
  near(smallestP([stratum(0, 5, 0, 5)]), 2 / 252);
});

test("the rank-sum test gives the p of the tables", () => {
  near(rankSum([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70);
  near(rankSum([1, 2, 3], [4, 5, 6]), 2 / 20);
  // R: wilcox.test(c(1.1, 2.2, 3.3, 4.4, 5.5), c(2.5, 6, 7, 8, 9), exact = TRUE)
  near(rankSum([1.1, 2.2, 3.3, 4.4, 5.5], [2.5, 6, 7, 8, 9]), 0.055556);
  assert.equal(rankSum([1, 1, 1, 1], [1, 1, 1, 1]), 1);
});

test("many units cost no time", () => {
  assert.ok(fisher([stratum(300, 2_000, 100, 2_000)]) < 1e-20);
  assert.ok(
    rankSum(
      Array.from({ length: 30 }, (_, i) => i),
      Array.from({ length: 30 }, (_, i) => i + 0.5),
    ) > 0.5,
  );
});
