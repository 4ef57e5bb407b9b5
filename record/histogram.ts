/**
 * A histogram of durations in milliseconds with logarithmic buckets: 32 to each doubling, so a quantile read from
 * it is within 1.1 % of the exact one. Its size is fixed, and two of them are joined by adding their counts.
 */
const PER_DOUBLING = 32;
const LOWEST_MS = 0.01;
const BUCKETS = 24 * PER_DOUBLING;

/** Bucket number to count; only buckets that hold something. The form in which a histogram is stored and joined. */
export type SparseHistogram = Record<string, number>;

/** The number of the bucket that holds `ms`. All below 0.01 ms share bucket 0; the last one is open upwards (168 s). */
export function bucketOf(ms: number): number {
  if (ms <= LOWEST_MS) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor(Math.log2(ms / LOWEST_MS) * PER_DOUBLING));
}

/** Where a bucket begins, in milliseconds. */
export function bucketStart(bucket: number): number {
  return bucket === 0 ? 0 : LOWEST_MS * 2 ** ((bucket - 1) / PER_DOUBLING);
}

/** The middle of a bucket, in milliseconds. */
export function bucketMiddle(bucket: number): number {
  return bucket === 0 ? LOWEST_MS / 2 : LOWEST_MS * 2 ** ((bucket - 0.5) / PER_DOUBLING);
}

/** Adds a duration. */
export function addTo(histogram: SparseHistogram, ms: number): void {
  const bucket = bucketOf(ms);
  histogram[bucket] = (histogram[bucket] ?? 0) + 1;
}

/** The histogram of some durations. */
export function histogramOf(durations: readonly number[]): SparseHistogram {
  const histogram: SparseHistogram = {};
  for (const ms of durations) addTo(histogram, ms);
  return histogram;
}

/** Adds the counts of `from` to `into`. */
export function mergeInto(into: SparseHistogram, from: SparseHistogram): void {
  for (const [bucket, count] of Object.entries(from)) into[bucket] = (into[bucket] ?? 0) + count;
}

/** How many values a histogram holds. */
export function size(histogram: SparseHistogram): number {
  return Object.values(histogram).reduce((sum, count) => sum + count, 0);
}

/** The value in milliseconds below which the share `q` (0 to 1) of the values lies; undefined when there are none. */
export function quantile(histogram: SparseHistogram, q: number): number | undefined {
  let remaining = q * size(histogram);
  let value: number | undefined;
  // Integer keys of an object come in ascending order.
  for (const [bucket, count] of Object.entries(histogram)) {
    value = bucketMiddle(Number(bucket));
    remaining -= count;
    if (remaining <= 0) break;
  }
  return value;
}
