/** How many units of one side went wrong, of how many. */
export interface Flawed {
  flawed: number;
  of: number;
}

/** The same units on two sides, e.g. the plans of one test. */
export type Stratum = readonly [before: Flawed, after: Flawed];

/**
 * The two-sided p of Fisher's exact test over strata: how likely it is, were both sides alike within each stratum, that
 * the flawed units fall on the two sides as unevenly as they did. The numbers of units and of flawed ones are held as
 * they are, stratum by stratum; what remains is hypergeometric in each, and the strata add up.
 */
export function fisher(strata: readonly Stratum[]): number {
  let chances: number[] = [1];
  for (const stratum of strata) chances = convolved(chances, hypergeometric(stratum));
  const seen = chances[strata.reduce((sum, [, after]) => sum + after.flawed, 0)] ?? 0;
  return total(chances.filter((chance) => chance <= seen * (1 + 1e-9)));
}

/** The smallest p that so many units could ever give: with every unit of one side flawed, and none of the other. */
export function smallestP(strata: readonly Stratum[]): number {
  return fisher(
    strata.map(([before, after]) => [
      { flawed: before.of, of: before.of },
      { flawed: 0, of: after.of },
    ]),
  );
}

/** The chance of each number of flawed units after: index k for k of them. */
function hypergeometric([before, after]: Stratum): number[] {
  const flawed = before.flawed + after.flawed;
  const all = before.of + after.of;
  const chance = (k: number) =>
    Math.exp(logChoose(flawed, k) + logChoose(all - flawed, after.of - k) - logChoose(all, after.of));
  return Array.from({ length: Math.min(flawed, after.of) + 1 }, (_, k) => chance(k));
}

function convolved(a: readonly number[], b: readonly number[]): number[] {
  const sums = new Array<number>(a.length + b.length - 1).fill(0);
  a.forEach((chanceA, i) => {
    b.forEach((chanceB, j) => {
      sums[i + j] = (sums[i + j] ?? 0) + chanceA * chanceB;
    });
  });
  return sums;
}

function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY;
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const logFactorials = [0];

function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i++) {
    logFactorials.push((logFactorials[i - 1] ?? 0) + Math.log(i));
  }
  return logFactorials[n] ?? 0;
}

/**
 * The two-sided p of the exact rank-sum test (Wilcoxon, Mann and Whitney; equal values share their rank): the share of
 * all ways to deal the values to the two sides in which their ranks fall as far apart as they did.
 */
export function rankSum(before: readonly number[], after: readonly number[]): number {
  const all = [...before, ...after];
  const sums = sumsOfChoices(
    all.map((value) => doubledRank(value, all)),
    after.length,
  );
  const middle = after.length * (all.length + 1);
  const seen = Math.abs(total(after.map((value) => doubledRank(value, all))) - middle);
  const asFar = [...sums].filter(([sum]) => Math.abs(sum - middle) >= seen).map(([, ways]) => ways);
  return total(asFar) / total([...sums.values()]);
}

/** Twice the rank, which is whole even where equal values share theirs. */
const doubledRank = (value: number, all: readonly number[]): number =>
  2 * all.filter((other) => other < value).length + all.filter((other) => other === value).length + 1;

/** In how many ways `choose` of the numbers have each sum. */
function sumsOfChoices(numbers: readonly number[], choose: number): Map<number, number> {
  const ways = Array.from({ length: choose + 1 }, () => new Map<number, number>());
  ways[0]?.set(0, 1);
  for (const number of numbers) {
    for (let chosen = choose; chosen > 0; chosen--) {
      for (const [sum, n] of ways[chosen - 1] ?? []) {
        ways[chosen]?.set(sum + number, (ways[chosen]?.get(sum + number) ?? 0) + n);
      }
    }
  }
  return ways[choose] ?? new Map();
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
