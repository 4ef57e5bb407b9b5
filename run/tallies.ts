/** The names under which a run gathers its figures: tallies, of which each is a histogram or counts. */

/** Durations of which a test keeps the distribution. */
export const TIMINGS = [
  "queue-delay", // the wait of a message between socket and script
  "generator-lag", // how late this process's timers run: where messages wait for a processor, so do they
  "time-to-first-message", // from the attempt to connect
  "time-to-ready", // from the plan's creation until stream-status said ready
] as const;
export type Timing = (typeof TIMINGS)[number];

/** The key of the tally in which a timing of a test is gathered. */
export const timingKey = (test: string, timing: Timing): string => `${test}/${timing}`;

/** Counts of answers are named `call:GET /api/plans/{id} 200`. */
export const CALL_PREFIX = "call:";
/** Counts of messages of types that the API does not have are named `type:llm_stream`. */
export const TYPE_PREFIX = "type:";
/** Counts of streams by outcome are named `outcome:completed`. */
export const OUTCOME_PREFIX = "outcome:";
