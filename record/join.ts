import { mergeInto } from "./histogram.ts";
import type { RunRecord, StreamReport, Tally } from "./record.ts";

/** A bounded list: what it kept of all that it has seen. */
export interface Bounded<Entry> {
  seen: number;
  kept: Entry[];
}

/** The most entries that a list keeps, as in xk6-sse/recorder/sample.go. */
export const MOST_KEPT = 2_000;

/** How much a stream is worth keeping where there are too many: what failed first, then what lost, then what was slow. */
export function streamWeight({ acceptable, counts, p95Ms }: Omit<StreamReport, "test">): number {
  const lost = (counts.due ?? 0) - (counts.delivered ?? 0);
  return (acceptable ? 0 : 1e9) + lost * 1e3 + (p95Ms ?? 0);
}

/**
 * Joins two bounded lists. Where they hold too much, half of it are the entries of the greatest weight, the others a
 * part of each list according to what it had seen.
 */
export function joinBounded<Entry>(
  a: Bounded<Entry>,
  b: Bounded<Entry>,
  weightOf: (entry: Entry) => number,
): Bounded<Entry> {
  const seen = a.seen + b.seen;
  const all = [...a.kept, ...b.kept];
  if (all.length <= MOST_KEPT) return { seen, kept: all };
  const heavy = all.filter((entry) => weightOf(entry) > 0).sort((x, y) => weightOf(y) - weightOf(x));
  const kept = new Set(heavy.slice(0, MOST_KEPT / 2));
  const room = MOST_KEPT - kept.size;
  const ofA = Math.round((room * a.seen) / seen);
  const others = ({ kept: list }: Bounded<Entry>) => list.filter((entry) => !kept.has(entry));
  return { seen, kept: [...kept, ...evenly(others(a), ofA), ...evenly(others(b), room - ofA)] };
}

/** So many entries of a list, evenly spaced. */
function evenly<Entry>(list: readonly Entry[], count: number): Entry[] {
  const step = list.length / count;
  return step <= 1 ? [...list] : list.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
}

type Series = RunRecord["windows"][string];

/** The most windows that a series keeps, as in xk6-sse/recorder/windows.go. */
const MOST_WINDOWS = 1_800;

/** Adds up two rows of tallies over time: as wide as the wider, and wider where they are too many. */
export function joinWindows(a: Series, b: Series, widthMs = Math.max(a.widthMs, b.widthMs)): Series {
  const byStart = new Map<number, Tally>();
  for (const { at, counts, latency } of [...a.items, ...b.items]) {
    const start = at - (at % widthMs);
    const window = byStart.get(start) ?? { counts: {}, latency: {} };
    mergeInto(window.counts, counts);
    mergeInto(window.latency, latency);
    byStart.set(start, window);
  }
  if (byStart.size > MOST_WINDOWS) return joinWindows(a, b, 2 * widthMs);
  const items = [...byStart].sort(([x], [y]) => x - y).map(([at, tally]) => ({ at, ...tally }));
  return { widthMs, items };
}
