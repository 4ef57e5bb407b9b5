import { median, type Point, theilSen } from "../thresholds/slope.ts";

/** What a figure must be in the median of the rounds, or in each of them. */
export type Limit = { inEachRound?: boolean } & (
  | { atMost: number }
  /** The first peer must be above the limit: else the measurement cannot tell. */
  | { atMost: number; peerAbove: true }
  /** Our value over the first peer's, round by round. */
  | { timesPeer: number }
);

/** What was measured of one thing: a value a round, of ours and of those that it is compared with. */
export interface Figure {
  what: string;
  /** The transport. */
  over: string;
  unit: string;
  ours: number[];
  peers: { name: string; values: number[] }[];
  /** Without one the figure is shown, and not judged. */
  limit?: Limit;
  note?: string;
}

export type Verdict = "met" | "missed" | "not measured" | "shown";

export function judge({ ours, peers: [peer], limit }: Figure): Verdict {
  if (limit === undefined) return "shown";
  if (ours.length === 0) return "not measured";
  const judged = limit.inEachRound ? (values: number[]) => Math.max(...values) : median;
  const others = peer?.values ?? [];
  if ("timesPeer" in limit) return verdict(judged(ratios(ours, others)) <= limit.timesPeer);
  const canTell = !("peerAbove" in limit) || median(others) > limit.atMost;
  return verdict(canTell && judged(ours) <= limit.atMost);
}

const verdict = (isMet: boolean): Verdict => (isMet ? "met" : "missed");

/** Our value over the peer's, round by round: what disturbs a round disturbs both. */
export const ratios = (ours: readonly number[], peer: readonly number[]): number[] =>
  ours.map((value, round) => value / (peer[round] ?? Number.NaN));

/**
 * By how much memory grew at least within the samples, in percent of its median: the lower end of the 95 % interval of
 * its Theil-Sen slope. 0 where it may as well have been constant.
 */
export function growthPercent(samples: readonly number[]): number {
  const slope = theilSen(samples.map((bytes, i): Point => [i, bytes]));
  if (slope === undefined) return Number.NaN;
  return Math.max(0, (slope.interval[0] * (samples.length - 1) * 100) / median(samples));
}

/** The median of the last third: what a process holds when it has settled. */
export const settled = (samples: readonly number[]): number =>
  median(samples.slice(Math.floor((samples.length * 2) / 3)));

/** From the median of the first quarter to that of the last. */
export function rise(samples: readonly number[]): number {
  const quarter = Math.ceil(samples.length / 4);
  return median(samples.slice(-quarter)) - median(samples.slice(0, quarter));
}
