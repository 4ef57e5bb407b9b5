import type { Database } from "./database.ts";
import type { EventLoop } from "./event-loop.ts";
import type { Behaviour, FaultName, FaultSet, Transport } from "./faults.ts";
import type { Garbage } from "./garbage.ts";
import type { PlanStore } from "./plans.ts";
import type { Pool } from "./pool.ts";
import type { Waste } from "./waste.ts";

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
  /** The most plans running and streams open at one moment since the start. */
  mostConnections: number;
}

/** How often a server has crashed, and what makes it crash again. */
export interface Crashes {
  readonly count: number;
  /** Destroys every socket and stops listening at once; the server comes back without its plans. */
  crash(): void;
}

/** What the parts of one server share, from its start to its stop or crash. */
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
  readonly waste: Waste;
  readonly crashes: Crashes;
  /** The database connections, with the faults that have a pool of them. */
  readonly pool: Pool | undefined;
  /** What a wait for a connection blocks. */
  readonly loop: EventLoop;
  readonly garbage: Garbage;
  readonly database: Database;
  /** Whether the process tells of itself at `/metrics`. */
  readonly metrics: boolean;
}

/** Whether a fault that has a rate strikes now; nothing is left to chance without the fault. */
export function strikes({ faults, random }: Context, fault: FaultName): boolean {
  const rate = faults.get(fault);
  return rate !== undefined && random() < rate;
}

/**
 * Counts a stream in.
 * @returns a function that counts it out
 */
export function countStream(context: Context, transport: Transport): () => void {
  const { streams } = context;
  streams.open[transport]++;
  streams.opened[transport]++;
  noteConnections(context);
  return () => {
    streams.open[transport]--;
  };
}

/** Notes how many plans run and streams are open now, should there never have been as many. */
export function noteConnections({ streams, plans }: Context): void {
  const { sse, ws } = streams.open;
  streams.mostConnections = Math.max(streams.mostConnections, plans.unfinished + sse + ws);
}
