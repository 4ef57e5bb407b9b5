import { cpuOfAccounting, cpuOfEmpty } from "./cpu.ts";
import type { Figure } from "./figures.ts";
import { type Bench, overBoth } from "./measuring.ts";
import { bundle, idleStreams, longMemory, manyIdleStreams, slowScript } from "./memory.ts";
import { atRate } from "./rate.ts";
import { resolution } from "./resolution.ts";

/** A part of the benchmark: figures that are measured together. */
export interface Row {
  name: string;
  /** Whether it needs the machine for itself: processor time and latency do, memory does not. */
  alone: boolean;
  measure(bench: Bench): Promise<Figure[]>;
}

export const ROWS: Row[] = [
  { name: "cpu-empty", alone: true, measure: overBoth(cpuOfEmpty) },
  { name: "cpu-account", alone: true, measure: overBoth(cpuOfAccounting) },
  { name: "rate-600", alone: true, measure: overBoth(atRate({ rate: 600 })) },
  { name: "rate-1000", alone: true, measure: overBoth(atRate({ rate: 1_000, inEachRound: true })) },
  { name: "idle", alone: false, measure: overBoth(idleStreams) },
  { name: "idle-10000", alone: false, measure: overBoth(manyIdleStreams) },
  { name: "slow", alone: false, measure: overBoth(slowScript) },
  { name: "resolution", alone: false, measure: overBoth(resolution) },
  { name: "bundle", alone: false, measure: bundle },
  { name: "long-memory", alone: false, measure: overBoth(longMemory(60), { atOnce: true }) },
];
