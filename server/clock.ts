/** Microseconds since the Unix epoch, UTC: a whole number, exact in a double until the year 2255. */
export type Micros = number;

const MICROS_PER_SECOND = 1_000_000;
/** How far into its millisecond the refined clock may read; `Date.now()` has already counted the rest. */
const LAST_OF_MILLISECOND = 0.999;

let offset = Date.now() - performance.now();

/**
 * The wall clock in microseconds: `Date.now()` says which millisecond it is, `performance.now()` how far into
 * it, so the answer is never a millisecond away from the wall clock and follows it when it is set.
 */
export function now(): Micros {
  const wall = Date.now();
  const monotonic = performance.now();
  const refined = Math.min(Math.max(offset + monotonic, wall), wall + LAST_OF_MILLISECOND);
  offset = refined - monotonic;
  return Math.floor(refined * 1000);
}

/** `2026-11-22T08:49:17.345942`: naive UTC as Python's `isoformat` writes it, without a fraction when it is zero. */
export function isoNaive(at: Micros): string {
  const seconds = new Date(at / 1000).toISOString().slice(0, 19);
  const fraction = at % MICROS_PER_SECOND;
  return fraction === 0 ? seconds : `${seconds}.${String(fraction).padStart(6, "0")}`;
}
