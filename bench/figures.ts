import { median, type Point, theilSen } from "../thresholds/slope.ts";

/** What a figure must be. `timesPeer`: our value over the first peer's, round by round. */
export type Limit =
  | { atMost: number; peerAbove?: boolean } // `peerAbove`: a first peer that is not above it shows that this is no test
  | { timesPeer: number };

/** What was measured of one thing: a value a round, of ours and of those that it is compared with. */
export interface Figure {
  what: string;
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
  if ("timesPeer" in limit) return verdict(median(ratios(ours, peer?.values ?? [])) <= limit.timesPeer);
  const isPeerSeen = !limit.peerAbove || median(peer?.values ?? []) > limit.atMost;
  return verdict(isPeerSeen && median(ours) <= limit.atMost);
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
