import type { RunRecord, Snapshot, Stall, StreamReport, Tally } from "../record/record.ts";

/** What lies between two moments, in milliseconds since the epoch. */
interface Interval {
  from: number;
  to: number;
}

/** The stalls of a run, each with who was frozen with it. */
export function stallsOf({ lists, streams, windows }: Snapshot): RunRecord["stalls"] {
  const { seen, kept } = lists.stalls;
  const slow = lists.slowRequests.kept;
  return {
    seen,
    kept: kept.map((stall): Stall => {
      const during = { from: stall.at, to: stall.at + stall.durationMs };
      const mine = <T extends { test: string }>(all: readonly T[]) =>
        all.filter(({ test }) => test === stall.test);
      const waiting = mine(slow).filter(
        ({ at, durationMs }) => at < during.to && at + durationMs > during.from,
      );
      return {
        ...stall,
        waiting: waiting.length,
        silent: silentIn(during, mine(streams.kept), windows[stall.test]),
      };
    }),
  };
}

/** How many streams were open when it began, where nobody heard anything; null where somebody did, or nothing is known. */
function silentIn(
  { from, to }: Interval,
  streams: readonly StreamReport[],
  windows: { widthMs: number; items: readonly ({ at: number } & Tally)[] } | undefined,
): number | null {
  if (windows === undefined) return null;
  const { widthMs, items } = windows;
  const within = items.filter(({ at }) => at > from && at + widthMs < to);
  const hasHeard = within.some(({ counts }) => (counts.messages ?? 0) > 0);
  // A stall that spans no window wholly says nothing of the messages in it.
  if (hasHeard || to - from < 2 * widthMs) return null;
  // A test gives its streams up before the wait for the server is over: they were open when it began.
  return streams.filter(({ openedAt, endedAt }) => openedAt !== null && openedAt <= from && endedAt > from)
    .length;
}
