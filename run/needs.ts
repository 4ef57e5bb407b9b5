import type { Transport } from "../record/record.ts";
import type { Config } from "./config.ts";
import type { Slot } from "./runplan.ts";

/** What a run takes of the machine at its largest. */
export interface Needs {
  /** Streams open at once. */
  streams: number;
  /** Virtual users at once. */
  users: number;
  openFiles: number;
  /** Connections to the server at once, each from a port of its own. */
  ports: number;
  memoryBytes: number;
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** What the instrument takes of memory, as docs/bench.md has it: k6 by itself, a virtual user, a stream accounted for. */
const MEMORY_OF: Record<"k6" | "user" | Transport, number> = {
  k6: 100 * MIB,
  user: 2.5 * MIB,
  sse: 102 * KIB,
  ws: 88 * KIB,
};
/** Files that k6 has open beside its connections. */
const FILES_OF_K6 = 64;
/** Requests that a virtual user makes beside its streams at once. */
const REQUESTS_EACH = 2;

/**
 * What a run takes on this instance: all of its virtual users are there from the start, each test with one that watches it;
 * connections are those of the largest test.
 */
export function needsOf(slots: readonly Slot[], { profile, transport }: Config): Needs {
  const users = slots.reduce((sum, { share }) => sum + share + 1, 0);
  const largest = slots.map(({ test, share }) => {
    const shape = test.profiles[profile];
    const playing = Math.min(share, shape.atOnce ?? share);
    const streams = playing * test.streamsEach(shape);
    return { streams, connections: streams + playing * REQUESTS_EACH };
  });
  const streams = Math.max(0, ...largest.map((one) => one.streams));
  const connections = Math.max(0, ...largest.map((one) => one.connections));
  return {
    streams,
    users,
    openFiles: connections + FILES_OF_K6,
    ports: connections,
    memoryBytes: MEMORY_OF.k6 + users * MEMORY_OF.user + streams * MEMORY_OF[transport],
  };
}
