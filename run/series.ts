import { bucketMiddle, type SparseHistogram } from "../record/histogram.ts";
import { VERDICTS, type Verdict } from "../record/record.ts";
import { USERS_FINISHED } from "../thresholds/judge.ts";
import { target } from "../thresholds/targets.ts";
import type { Timing } from "./meter.ts";

/**
 * The series of a run beside k6's own: what is sent, and what dashboards and alerts ask for. Names are k6's; see
 * `counterSeries` and `gaugeSeries` for Prometheus. Every one has the labels testid, release, transport, profile,
 * trigger and test.
 */

/** Counters, each with the count of the test's tally (`tests[].tally.counts` of the record) that it sends. */
export const COUNTERS = {
  messages_received: "messages",
  messages_due: "due",
  messages_delivered: "delivered",
  messages_duplicated: "duplicates",
  messages_reordered: "reordered",
  gap_messages: "gapMessages",
  gap_messages_lost: "gapLost",
  connection_attempts: "attempts",
  connections_usable: "usable",
  reconnections: "returns",
  reconnections_usable: "returned",
  streams_opened: "streamsOpened",
  streams_ended: "ended",
  streams_acceptable: "acceptable",
  api_requests: "requests",
  api_requests_unanswered: "unanswered",
  server_errors: "serverErrors",
  health_probes: "probes",
  health_probes_prompt: "prompt",
  fallback_reports_asked: "fallbackAsked",
  fallback_reports_delivered: "fallbackDelivered",
  plans_created: "call:POST /api/plans 200",
  plans_deleted: "call:DELETE /api/plans/{id} 200",
  users_finished: USERS_FINISHED,
} as const;
export type CounterName = keyof typeof COUNTERS;

/** Streams that ended; label `outcome`. */
export const OUTCOMES_SERIES = "stream_outcomes";

/** Durations, sent as counters of cumulative buckets (label `le`, seconds): the timing of the meter that each holds. */
export const DISTRIBUTIONS = {
  message_latency: "latency",
  time_to_first_message: "time-to-first-message",
  time_to_ready: "time-to-ready",
  queue_delay: "queue-delay",
  generator_lag: "generator-lag",
} as const satisfies Record<string, Timing | "latency">;
export type DistributionName = keyof typeof DISTRIBUTIONS;

export const bucketSeries = (name: DistributionName) => `${name}_seconds_bucket` as const;

const LATENCY_LIMIT_MS = target("message-latency").limit;

/** The upper bounds of the buckets, in milliseconds; the limit of message latency is one of them. */
export const BOUNDS_MS: readonly number[] = [
  ...new Set([
    1,
    2,
    5,
    10,
    20,
    35,
    50,
    75,
    150,
    200,
    300,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    LATENCY_LIMIT_MS,
    Number.POSITIVE_INFINITY,
  ]),
].sort((a, b) => a - b);

/** For each bound, as the label `le` (seconds), how many durations are within it, to the histogram's 1.1 %. */
export function countsWithin(histogram: SparseHistogram): [le: string, count: number][] {
  const counted = Object.entries(histogram).map(([bucket, n]) => [bucketMiddle(Number(bucket)), n] as const);
  return BOUNDS_MS.map((bound) => {
    const count = counted.reduce((sum, [ms, n]) => (ms <= bound ? sum + n : sum), 0);
    return [bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound / 1_000), count];
  });
}

/** Gauges, each with the labels that it has beside those of all. */
export const GAUGES = {
  /** 1 while a test runs, 0 when it has ended. */
  test_running: [],
  /** How long the last answer of /health took; what is given up counts with its time. */
  health_seconds: [],
  /** The server's process. */
  server_memory_bytes: [],
  /** Since the process's start: monotonic, to be read with rate(). */
  server_cpu_seconds_total: [],
  server_threads: [],
  server_open_files: [],
  /** k6's own resident memory. */
  generator_memory_bytes: [],
  /** Messages per second: what the pipeline of a scene offered, what the client that got least was given. */
  throughput_offered: ["scene"],
  throughput_delivered: ["scene"],
  /** So many plans at once: how long until the last was complete, and how many were. */
  step_completion_seconds: ["plans"],
  step_completed: ["plans"],
  /** Seconds since the epoch. */
  run_started_seconds: [],
  run_ended_seconds: [],
  /** Of each target at the run's end, in its unit ("%" as shares of 1): what was measured, the ends of its interval, the limit. */
  target_value: ["target"],
  target_low: ["target"],
  target_high: ["target"],
  target_limit: ["target"],
  /** See `verdictNumber`. */
  target_verdict: ["target"],
} as const satisfies Record<string, readonly string[]>;
export type GaugeName = keyof typeof GAUGES;

/** The label `test` of series that are of no single test. */
export const WHOLE_RUN_LABEL = "whole run";

/** A verdict as a number, from best to worst: met 0, at the edge 1, not measured 2, missed 3, no data 4. */
export const verdictNumber = (verdict: Verdict): number => VERDICTS.indexOf(verdict);

/** Names in Prometheus, as k6's remote write makes them. */
export const counterSeries = (
  name: CounterName | typeof OUTCOMES_SERIES | ReturnType<typeof bucketSeries>,
): string => `k6_${name}_total`;
export const gaugeSeries = (name: GaugeName): string => `k6_${name}`;
