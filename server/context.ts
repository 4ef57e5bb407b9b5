import type { Behaviour, FaultSet, Transport } from "./faults.ts";
import type { PlanStore } from "./plans.ts";

/** Streams counted by transport. */
export type StreamCounts = Record<Transport, number>;

/** What has happened to the streams of one server. */
export interface StreamCensus {
  /** Open now. */
  readonly open: StreamCounts;
  /** Opened since the start. */
  readonly opened: StreamCounts;
  /** WebSockets orphaned since the start. */
  orphans: number;
}

/** What the parts of one server share. */
export interface Context {
  readonly behaviour: Behaviour;
  /** The name of the behaviour. */
  readonly version: string;
  /** The behaviour and its faults in one line. */
  readonly description: string;
  readonly faults: FaultSet;
  /** Seeded random numbers in [0, 1). */
  readonly random: () => number;
  readonly plans: PlanStore;
  readonly streams: StreamCensus;
}

/**
 * Counts a stream in.
 * @returns a function that counts it out
 */
export function countStream(streams: StreamCensus, transport: Transport): () => void {
  streams.open[transport]++;
  streams.opened[transport]++;
  return () => {
    streams.open[transport]--;
  };
}
