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

/** What the largest test of a run takes on this instance. */
export function needsOf(slots: readonly Slot[], { profile, transport }: Config): Needs {
  const all = slots.map(({ test, share }) => {
    const streams = share * test.streamsEach(test.profiles[profile]);
    const connections = streams + share * REQUESTS_EACH;
    return {
      streams,
      users: share,
      ports: connections,
      openFiles: connections + FILES_OF_K6,
      memoryBytes: MEMORY_OF.k6 + share * MEMORY_OF.user + streams * MEMORY_OF[transport],
    };
  });
  const most = (name: keyof Needs) => Math.max(0, ...all.map((needs) => needs[name]));
  return {
    streams: most("streams"),
    users: most("users"),
    openFiles: most("openFiles"),
    ports: most("ports"),
    memoryBytes: most("memoryBytes"),
  };
}
