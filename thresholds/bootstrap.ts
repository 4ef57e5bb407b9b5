import { mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { seededRandom } from "../record/random.ts";

const RESAMPLES = 200;
/** Plans beyond this number are joined in groups: the interval stays right, and its cost bounded. */
const MOST_UNITS = 100;

type Statistic = (histogram: SparseHistogram) => number | undefined;

/**
 * The 95 % bootstrap interval of `statistic`, resampled by plan (messages of one plan share its fate, so a message is
 * no independent observation). Undefined with fewer than two plans. The random choices are the same at every call.
 */
export function spread(
  plans: readonly SparseHistogram[],
  statistic: Statistic,
): [number, number] | undefined {
  const units = tabulated(plans);
  if (units.counts.length < 2) return undefined;
  const random = seededRandom(1);
  return intervalOf(() => {
    const drawn: SparseHistogram = {};
    drawInto(drawn, units, random);
    return statistic(drawn);
  });
}

/** The plans of one test on two sides. */
export type PlansOfTwo = readonly [before: readonly SparseHistogram[], after: readonly SparseHistogram[]];

/**
 * The 95 % bootstrap interval of what `statistic` is on the second side more than on the first. Plans are resampled
 * within their test and side, so that a side's mixture of tests stays what it is. Undefined where a side has fewer than
 * two plans.
 */
export function spreadOfDifference(
  tests: readonly PlansOfTwo[],
  statistic: Statistic,
): [number, number] | undefined {
  const units = tests.map(([before, after]) => [tabulated(before), tabulated(after)] as const);
  const counts = [0, 1].map((side) => units.reduce((sum, test) => sum + (test[side]?.counts.length ?? 0), 0));
  if (counts.some((count) => count < 2)) return undefined;
  const random = seededRandom(1);
  return intervalOf(() => {
    const [before, after] = [0, 1].map((side) => {
      const drawn: SparseHistogram = {};
      for (const test of units) drawInto(drawn, test[side] ?? NO_UNITS, random);
      return statistic(drawn);
    });
    return before === undefined || after === undefined ? undefined : after - before;
  });
}

/**
 * The units' histograms as a table: for each unit its counts in `buckets`, which any of them has. Summing rows of numbers
 * costs a fraction of joining histograms: after hours of plans, and in k6's runtime, that is a second in place of a
 * minute, and k6 gives a summary two.
 */
interface Units {
  buckets: readonly string[];
  counts: readonly (readonly number[])[];
}

const NO_UNITS: Units = { buckets: [], counts: [] };

function tabulated(plans: readonly SparseHistogram[]): Units {
  const units = grouped(plans);
  const buckets = [...new Set(units.flatMap((unit) => Object.keys(unit)))];
  return { buckets, counts: units.map((unit) => buckets.map((bucket) => unit[bucket] ?? 0)) };
}

/** As many of the units as there are, each drawn from all of them. */
function drawInto(into: SparseHistogram, { buckets, counts }: Units, random: () => number): void {
  const times = counts.map(() => 0);
  for (let i = 0; i < counts.length; i++) {
    const drawn = Math.floor(random() * counts.length);
    times[drawn] = (times[drawn] ?? 0) + 1;
  }
  const sums = buckets.map(() => 0);
  counts.forEach((unit, i) => {
    const weight = times[i] ?? 0;
    if (weight === 0) return;
    for (let b = 0; b < sums.length; b++) sums[b] = (sums[b] ?? 0) + weight * (unit[b] ?? 0);
  });
  buckets.forEach((bucket, b) => {
    const sum = sums[b] ?? 0;
    if (sum > 0) into[bucket] = (into[bucket] ?? 0) + sum;
  });
}

function intervalOf(resample: () => number | undefined): [number, number] | undefined {
  const values: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const value = resample();
    if (value !== undefined) values.push(value);
  }
  values.sort((a, b) => a - b);
  const low = values[Math.floor(values.length * 0.025)];
  const high = values[Math.ceil(values.length * 0.975) - 1];
  return low === undefined || high === undefined ? undefined : [low, high];
}

function grouped(plans: readonly SparseHistogram[]): SparseHistogram[] {
  const filled = plans.filter((plan) => Object.keys(plan).length > 0);
  const units: SparseHistogram[] = Array.from({ length: Math.min(filled.length, MOST_UNITS) }, () => ({}));
  filled.forEach((plan, i) => {
    mergeInto(units[i % units.length] ?? {}, plan);
  });
  return units;
}
