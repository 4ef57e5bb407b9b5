import type { Deadlines } from "../client/stream.ts";
import type { Outcome } from "../record/record.ts";
import type { TargetId } from "../thresholds/targets.ts";

/** The targets that every test with streams judges. */
export const STREAM_TARGETS = [
  "connection-success",
  "message-delivery",
  "message-latency",
  "clean-outcomes",
  "server-errors",
  "responsiveness",
] as const satisfies readonly TargetId[];

/** How a stream may end that was watched to its end. */
export const WATCHED: readonly Outcome[] = ["completed", "closed"];

/** Deadlines of profile smoke: generous for a simulated pipeline, and soon over. */
export const shortDeadlines = (lifeMs: number): Deadlines => ({
  firstMessageMs: 2_500,
  silenceMs: 2_500,
  lifeMs,
});

/** Deadlines for a pipeline whose steps may take seconds. */
export const longDeadlines = (lifeMs: number): Deadlines => ({
  firstMessageMs: 10_000,
  silenceMs: 15_000,
  lifeMs,
});

/** Names of `count` clients: "client 1" and so on. */
export const named = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${kind} ${i + 1}`);

/** The targets of tests in which streams are broken off on purpose, so that delivery is not what they judge. */
export const LIFE_TARGETS = [
  "connection-success",
  "clean-outcomes",
  "server-errors",
  "responsiveness",
] as const satisfies readonly TargetId[];
