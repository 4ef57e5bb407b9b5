import { bucketMiddle, bucketOf, type SparseHistogram } from "../record/histogram.ts";
import { VERDICTS, type Verdict } from "../record/record.ts";
import { PHASES } from "../thresholds/endurance.ts";
import { USERS_EXPECTED, USERS_FINISHED } from "../thresholds/judge.ts";
import { target } from "../thresholds/targets.ts";
import type { Timing } from "./tallies.ts";

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
  messages_before_stamp: "negative",
  gap_messages: "gapMessages",
  gap_messages_lost: "gapLost",
  connection_attempts: "attempts",
  connections_usable: "usable",
  connection_attempts_unknown: "attemptsUnknown",
  reconnections: "returns",
  reconnections_usable: "returned",
  reconnections_unknown: "returnsUnknown",
  streams_opened: "streamsOpened",
  streams_ended: "ended",
  streams_acceptable: "acceptable",
  stream_ends_unknown: "outcomesUnknown",
  api_requests: "requests",
  api_requests_unanswered: "unanswered",
  server_errors: "serverErrors",
  health_probes: "probes",
  health_probes_prompt: "prompt",
  fallback_reports_asked: "fallbackAsked",
  fallback_reports_delivered: "fallbackDelivered",
  fallback_reports_unknown: "fallbacksUnknown",
  plans_not_made: "notMade",
  plans_created: "call:POST /api/plans 200",
  plans_deleted: "call:DELETE /api/plans/{id} 200",
  users_expected: USERS_EXPECTED,
  users_finished: USERS_FINISHED,
} as const;
export type CounterName = keyof typeof COUNTERS;

/** What all counters together come to, of a test's counts: by that is seen whether everything arrived. */
export const counted = (counts: Readonly<Record<string, number>>): number =>
  Object.values(COUNTERS).reduce((sum, name) => sum + (counts[name] ?? 0), 0);

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
    return [leOf(bound), count];
  });
}

const leOf = (boundMs: number): string =>
  boundMs === Number.POSITIVE_INFINITY ? "+Inf" : String(boundMs / 1_000);

const ALL_BUCKETS = Array.from({ length: bucketOf(Number.POSITIVE_INFINITY) + 1 }, (_, bucket) => bucket);

/** The histogram of such counts: durations between two bounds are spread evenly over the buckets between them. */
export function histogramWithin(counts: readonly (readonly [le: string, count: number])[]): SparseHistogram {
  const histogram: SparseHistogram = {};
  const within = new Map(counts);
  let [before, below] = [0, 0];
  for (const bound of BOUNDS_MS) {
    const count = Math.max(before, within.get(leOf(bound)) ?? before);
    const between = ALL_BUCKETS.filter(
      (bucket) => bucketMiddle(bucket) > below && bucketMiddle(bucket) <= bound,
    );
    between.forEach((bucket, i) => {
      const share = (upTo: number) => Math.round(((count - before) * upTo) / between.length);
      if (share(i + 1) > share(i)) histogram[bucket] = share(i + 1) - share(i);
    });
    [before, below] = [count, bound];
  }
  return histogram;
}

/** Gauges, each with the labels that it has beside those of all. */
export const GAUGES = {
  /** 1 while a test runs, 0 when it has ended. */
  test_running: [],
  /** How long the server took to recover from a test. */
  test_recovery_seconds: [],
  /** 1: what the run is, its server and its k6, in labels; `instances` share it. */
  run_info: ["script", "instances", "server_version", "simulated", "behaviour", "k6_version"],
  /** 1: what a test covers and which targets it judges, in labels that list several with commas between. */
  test_info: ["plan", "group", "targets"],
  /** The server's clock less this machine's, and by how much that may be off. */
  clock_offset_seconds: [],
  clock_uncertainty_seconds: [],
  /** How long the last answer of /health took; what is given up counts with its time. */
  health_seconds: [],
  /** The server's process. */
  server_memory_bytes: [],
  /** Since the process's start: monotonic, to be read with rate(). */
  server_cpu_seconds_total: [],
  server_threads: [],
  server_open_files: [],
  /** The phase of the test in which the server's process was sampled: its place among `PHASE_NAMES`. */
  sample_phase: [],
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
  /** What all counters of the instance came to, sent at its end: see `counted`. */
  run_counted: [],
  /** Of each target at the run's end, in its unit ("%" as shares of 1): what was measured, the ends of its interval, the limit. */
  target_value: ["target"],
  target_low: ["target"],
  target_high: ["target"],
  target_limit: ["target"],
  /** See `verdictNumber`. */
  target_verdict: ["target"],
} as const satisfies Record<string, readonly string[]>;
export type GaugeName = keyof typeof GAUGES;

/** The phases of an endurance test, by the number that is sent. */
export const PHASE_NAMES: readonly string[] = Object.values(PHASES);

/** The label `test` of series that are of no single test. */
export const WHOLE_RUN_LABEL = "whole run";

/** A verdict as a number, from best to worst: met 0, at the edge 1, not measured 2, no data 3, missed 4. */
export const verdictNumber = (verdict: Verdict): number => VERDICTS.indexOf(verdict);

/** Names in Prometheus, as k6's remote write makes them. */
export const counterSeries = (
  name: CounterName | typeof OUTCOMES_SERIES | ReturnType<typeof bucketSeries>,
): string => `k6_${name}_total`;
export const gaugeSeries = (name: GaugeName): string => `k6_${name}`;
