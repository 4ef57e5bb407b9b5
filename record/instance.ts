import * as v from "valibot";

/** One of the processes that share a run: the `number`-th, from 1. A whole run is 1 of 1. */
export const instanceSchema = v.object({ number: v.number(), of: v.number() });
export type Instance = v.InferOutput<typeof instanceSchema>;

/** Whether the run has more instances than this one. */
export const isShared = ({ of }: Instance): boolean => of > 1;

/** The instance that does what is done once a run: it probes and samples the server. */
export const isFirst = ({ number }: Instance): boolean => number === 1;

/** The name of an instance, e.g. "2-of-4": in its record, and of its directory. */
export const instanceName = ({ number, of }: Instance): string => `${number}-of-${of}`;

/** More share no run. */
const MOST_INSTANCES = 10_000;

/** The instance of a name; undefined where it is none. */
export function readInstance(name: string): Instance | undefined {
  const [number = 0, of = 0] = /^(\d+)-of-(\d+)$/.exec(name)?.slice(1).map(Number) ?? [];
  return number >= 1 && number <= of && of <= MOST_INSTANCES ? { number, of } : undefined;
}

/**
 * The text in every prompt of a run by which its plans are found again; an instance leaves those of the others alone. It is
 * closed, so that no id's mark is the beginning of another's.
 */
export const markOf = (runId: string, instance: Instance): string =>
  isShared(instance) ? `[run ${runId}, instance ${instanceName(instance)}]` : `[run ${runId}]`;

/** Each plan of a run has one of these in its prompt, whichever of the instances made it. */
export const marksOf = (runId: string): string[] => [`[run ${runId}]`, `[run ${runId}, instance `];
