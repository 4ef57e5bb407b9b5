import { mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { seededRandom } from "../record/random.ts";

const RESAMPLES = 200;
/** Plans beyond this number are joined in groups: the interval stays right, and its cost bounded. */
const MOST_UNITS = 100;

/**
 * The 95 % bootstrap interval of `statistic`, resampled by plan (messages of one plan share its fate, so a message is
 * no independent observation). Undefined with fewer than two plans. The random choices are the same at every call.
 */
export function spread(
  plans: readonly SparseHistogram[],
  statistic: (histogram: SparseHistogram) => number | undefined,
): [number, number] | undefined {
  const units = grouped(plans);
  if (units.length < 2) return undefined;
  const random = seededRandom(1);
  const values: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const drawn: SparseHistogram = {};
    for (let j = 0; j < units.length; j++) {
      mergeInto(drawn, units[Math.floor(random() * units.length)] ?? {});
    }
    const value = statistic(drawn);
    if (value !== undefined) values.push(value);
  }
  values.sort((a, b) => a - b);
  const [low, high] = [
    values[Math.floor(values.length * 0.025)],
    values[Math.ceil(values.length * 0.975) - 1],
  ];
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
