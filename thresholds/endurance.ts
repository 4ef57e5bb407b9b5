import type { ServerSample } from "../record/record.ts";
import type { Measure } from "./measure.ts";
import { median, type Point, theilSen } from "./slope.ts";

/** The phases of an endurance test, in their order. Each is what its samples are judged for. */
export const PHASES = {
  /** Churn once, so that caches and pools are filled. Not judged. */
  warmUp: "warm-up",
  /** Nothing open: threads and files before the churn. */
  restBefore: "rest before",
  /** Streams held, clients and plans coming and going: memory. */
  load: "load",
  /** Nothing open again: threads and files after the churn. */
  restAfter: "rest after",
  /** Streams open without messages: processor time. */
  idle: "idle streams",
} as const;

const HOUR_MS = 3_600_000;
/** Below this span a slope per hour says more of the process's start than of a leak. */
const SHORTEST_SPAN_MS = HOUR_MS / 2;
/** Growth within a short span that no start of a process explains: this share of its memory. */
const INEXPLICABLE_GROWTH = 0.25;

const inPhase = (samples: readonly ServerSample[], phase: string) =>
  samples.filter((one) => one.phase === phase);

function points(samples: readonly ServerSample[], read: (sample: ServerSample) => number | null): Point[] {
  return samples.flatMap((sample) => {
    const value = read(sample);
    return value === null ? [] : [[sample.at, value] as const];
  });
}

const NO_METRICS =
  "the server does not tell, and its process cannot be seen from here: set SERVER_METRICS_URL";

/**
 * Growth of resident memory under load, in percent of its median per hour. A short run can only be found guilty: of a
 * growth that no start of a process explains.
 */
export function memoryGrowth(samples: readonly ServerSample[]): Measure {
  const load = inPhase(samples, PHASES.load);
  const memory = points(load, ({ residentBytes }) => residentBytes);
  const slope = theilSen(memory);
  if (slope === undefined) return { ...nothing(memory.length), notMeasured: noSamples(samples) };
  if (beganAnew(load)) return { ...nothing(memory.length), noData: BEGAN_ANEW };
  const perHour = (HOUR_MS / median(memory.map(([, bytes]) => bytes))) * 100;
  const span = (memory.at(-1)?.[0] ?? 0) - (memory[0]?.[0] ?? 0);
  const interval: [number, number] = [slope.interval[0] * perHour, slope.interval[1] * perHour];
  const measure = { value: slope.slope * perHour, interval, observations: memory.length };
  const minutes = `over ${Math.round(span / 60_000)} min`;
  if (span >= SHORTEST_SPAN_MS) return { ...measure, note: `${memory.length} samples ${minutes}` };
  const growth = ((interval[0] / 100) * span) / HOUR_MS;
  if (growth > INEXPLICABLE_GROWTH)
    return { ...measure, note: `${Math.round(growth * 100)} % at least ${minutes}` };
  return {
    ...measure,
    notMeasured: `too short for a slope: ${minutes}, ${SHORTEST_SPAN_MS / 60_000} min are needed`,
  };
}

/** The share of one processor that the server takes while streams are open and nothing is said. */
export function idleCpu(samples: readonly ServerSample[]): Measure {
  const seconds = points(inPhase(samples, PHASES.idle), ({ cpuSeconds }) => cpuSeconds);
  const [first, last] = [seconds[0], seconds.at(-1)];
  if (first === undefined || last === undefined || last[0] <= first[0]) {
    return { ...nothing(seconds.length), notMeasured: noSamples(samples) };
  }
  if (beganAnew(inPhase(samples, PHASES.idle))) return { ...nothing(seconds.length), noData: BEGAN_ANEW };
  const value = ((last[1] - first[1]) * 1_000) / (last[0] - first[0]);
  return { value, observations: seconds.length, note: `over ${Math.round((last[0] - first[0]) / 1_000)} s` };
}

/** Threads and open files at rest after churn, less those before it. */
export function resourceGrowth(samples: readonly ServerSample[]): Measure {
  const [before, after] = [inPhase(samples, PHASES.restBefore), inPhase(samples, PHASES.restAfter)];
  const grown = (["threads", "openFiles"] as const).flatMap((name) => {
    const sides = [before, after].map((side) =>
      points(side, (sample) => sample[name]).map(([, value]) => value),
    );
    const [least, most] = sides.map((values) => median(values));
    return least === undefined || most === undefined || Number.isNaN(least + most)
      ? []
      : [{ name, least, most }];
  });
  if (grown.length === 0) return { ...nothing(0), notMeasured: noSamples(samples) };
  const between = samples.filter(({ phase }) => phase !== PHASES.warmUp && phase !== PHASES.idle);
  if (beganAnew(between)) return { ...nothing(before.length + after.length), noData: BEGAN_ANEW };
  return {
    value: grown.reduce((sum, { least, most }) => sum + Math.max(0, most - least), 0),
    observations: before.length + after.length,
    note: grown
      .map(({ name, least, most }) => `${name === "threads" ? "threads" : "open files"} ${least} to ${most}`)
      .join(", "),
  };
}

const BEGAN_ANEW = "the server's process began anew meanwhile";

/** Processor time that fell is that of another process: it has what the one before it had not leaked yet. */
function beganAnew(samples: readonly ServerSample[]): boolean {
  const seconds = points(samples, ({ cpuSeconds }) => cpuSeconds);
  return seconds.some(([, value], i) => value < (seconds[i - 1]?.[1] ?? 0));
}

const nothing = (observations: number): Measure => ({ value: undefined, observations });

/** Without a single figure the server tells nothing; with some, they are too few for a verdict and there is no data. */
function noSamples(samples: readonly ServerSample[]): string | undefined {
  const tells = samples.some(
    ({ residentBytes, cpuSeconds }) => residentBytes !== null || cpuSeconds !== null,
  );
  return tells ? undefined : NO_METRICS;
}
