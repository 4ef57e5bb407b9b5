import { bucketOf, bucketStart, quantile, type SparseHistogram, size } from "../record/histogram.ts";
import type { RateReport, ServerSample, StepReport, StreamReport } from "../record/record.ts";
import { spread } from "./bootstrap.ts";
import { idleCpu, memoryGrowth, resourceGrowth } from "./endurance.ts";
import type { Measure } from "./measure.ts";

type Rate = Pick<RateReport, "clients" | "offered" | "delivered" | "slowReader">;

/** What is known of one test when its targets are judged. Figures of several instances are added up beforehand. */
export interface Evidence {
  test: string;
  /** Why the test was not played: then nothing is known. Null or absent where it was. */
  withheld?: string | null;
  counts: Readonly<Record<string, number>>;
  latency: SparseHistogram;
  /** The latency of each plan's messages: the unit of resampling. */
  plans: readonly SparseHistogram[];
  /** The streams of the test, or those of many that went worst. */
  streams: readonly Pick<StreamReport, "p95Ms" | "counts">[];
  /** The bounds between which latency is known, in milliseconds, ascending; null: to a histogram's bucket. */
  bounds?: readonly number[] | null;
  /** The wait of messages between socket and account: what the measuring side adds. */
  queueDelay: SparseHistogram;
  /** By how much the timers of the measuring side came late. */
  generatorLag: SparseHistogram;
  /** By how much the server's clock may be off from what is known of it. */
  clockUncertaintyMs?: number;
  samples: readonly ServerSample[];
  rates: readonly Rate[];
  steps: readonly Step[];
}

/** What is known of a test of which nothing was seen. */
export const NO_EVIDENCE: Evidence = {
  test: "",
  counts: {},
  latency: {},
  plans: [],
  streams: [],
  queueDelay: {},
  generatorLag: {},
  samples: [],
  rates: [],
  steps: [],
};

/**
 * How k6 is told of a target: live samples for what happens once a stream or a request, a Gauge in teardown else. A
 * shortfall is a Gauge of what lacks to the target, 0 when met: the threshold of a Gauge that was never set sees 0, and
 * where a target is not measured it must not fail.
 */
export type K6Form = { kind: "rate" | "counter" | "gauge" | "shortfall"; metric: string };

/**
 * What two sides of a comparison are told apart by: how many plans, or windows of a second, would not meet the target by
 * themselves; the latency of plans' messages; or the one value that a run has, where a claim needs several runs a side.
 */
export type ComparedBy = "plan" | "window" | "latency" | "run";

/** A target metric of the test plan. */
export interface Target {
  id: string;
  title: string;
  /** The unit of the value as it is shown; "%" values are held as shares of 1. */
  unit: "%" | "ms" | "msg/s" | "%/h" | "" | "exponent";
  comparison: ">=" | ">" | "<" | "<=" | "==";
  limit: number;
  /** What the test plan says of the SSE stream before the migration. */
  before: string;
  form: K6Form;
  measure: (evidence: Evidence) => Measure;
  comparedBy: ComparedBy;
  /** By how much two sides may differ, in the unit of the value, before one is called better or worse. */
  tolerance: number;
}

const count = (evidence: Evidence, name: string): number => evidence.counts[name] ?? 0;

/**
 * A share of `part` in `whole`, with "n of m" as its note. `unknown` counts those of which the server did not tell: with them
 * the share can be missed, and not met.
 */
const share =
  (part: string, whole: string, noun: string, unknown = "") =>
  (evidence: Evidence): Measure => {
    const observations = count(evidence, whole);
    const value = observations > 0 ? count(evidence, part) / observations : undefined;
    const untold = count(evidence, unknown);
    return {
      value,
      observations,
      note: `${count(evidence, part)} of ${observations} ${noun}`,
      noData:
        untold > 0 && (value === undefined || value === 1)
          ? `of ${untold} more it is not known: the server did not tell`
          : undefined,
    };
  };

/** A verdict on fewer messages than these would be one on next to nothing. */
const FEWEST_MESSAGES = 10;
/** Nor is anything known where of what was received so small a share was due: the rest was there before the streams. */
const LEAST_DUE = 0.1;

/** Why so few messages are not enough to call a target met. */
function tooFew(evidence: Evidence, messages: number): string | undefined {
  const received = count(evidence, "received");
  const isTooFew = messages > 0 && (messages < FEWEST_MESSAGES || messages < LEAST_DUE * received);
  const of = received > 0 ? ` of ${received} messages received` : " messages";
  return isTooFew ? `too few to judge: ${messages}${of}` : undefined;
}

/** Delivered is what came, once and in order. */
function delivery(evidence: Evidence): Measure {
  const due = count(evidence, "due");
  const flaws = (["duplicates", "reordered"] as const).map((name) => [name, count(evidence, name)] as const);
  const flawed = flaws.reduce((sum, [, n]) => sum + n, 0);
  const delivered = Math.max(0, count(evidence, "delivered") - flawed);
  const notes = [
    `${delivered} of ${due} messages due`,
    ...flaws.filter(([, n]) => n > 0).map(([name, n]) => `${n} ${name}`),
  ];
  const missing = evidence.streams.map(
    ({ counts }) => [(counts.due ?? 0) - (counts.delivered ?? 0), counts.due ?? 0] as const,
  );
  const [most, of] = missing.reduce((worst, one) => (one[0] > worst[0] ? one : worst), [0, 0] as const);
  if (most > 0) notes.push(`worst stream lacks ${most} of ${of}`);
  const value = due > 0 ? delivered / due : undefined;
  const noData =
    value === undefined || value === 1 ? (notAllKnown(evidence) ?? tooFew(evidence, due)) : undefined;
  return { value, observations: due, note: notes.join(", "), noData };
}

/** Why there may be losses where none is seen. */
function notAllKnown(evidence: Evidence): string | undefined {
  const unknown = count(evidence, "lossUnknown");
  return unknown > 0
    ? `${unknown} streams fell silent, and the plan's log, which would tell what they lack, was not to be had`
    : notStamped(evidence);
}

/** More messages than these without a timestamp that can be believed, as a share, and what is known of the others is not enough. */
const MOST_UNSTAMPED = 0.01;

function notStamped(evidence: Evidence): string | undefined {
  const [unstamped, received] = [count(evidence, "unstamped"), count(evidence, "received")];
  return unstamped > MOST_UNSTAMPED * received
    ? `${unstamped} of ${received} messages had no believable timestamp`
    : undefined;
}

const LATENCY_LIMIT_MS = 100;
/** Where the measuring side itself adds more than a tenth of the target (p95), latency says nothing of the server. */
export const LONGEST_WAIT_MS = LATENCY_LIMIT_MS / 10;

/** More messages than these that came before they were stamped, as a share, and no latency can be believed. */
const MOST_NEGATIVE = 0.01;

function clocksDisagree(evidence: Evidence, observations: number): string | undefined {
  const negative = count(evidence, "negative");
  return negative > MOST_NEGATIVE * observations
    ? `clocks disagree: ${negative} messages came more than 2 ms before their timestamp`
    : undefined;
}

/** Where the clocks may be further apart than the latency is from its target, it cannot be told which side it is on. */
function clockTooUncertain({ clockUncertaintyMs: uncertain = 0 }: Evidence, value = 0): string | undefined {
  if (uncertain <= LONGEST_WAIT_MS || Math.abs(value - LATENCY_LIMIT_MS) > uncertain) return undefined;
  return `clocks: the server's is known to ± ${uncertain.toFixed(0)} ms only`;
}

/** Why latency cannot be believed: messages waited for the measuring side itself. */
function waitedTooLong({ queueDelay }: Evidence): string | undefined {
  const waited = quantile(queueDelay, 0.95) ?? 0;
  return waited > LONGEST_WAIT_MS
    ? `generator overloaded: messages waited ${waited.toFixed(1)} ms for it`
    : undefined;
}

/** Why what is too slow may be the measuring side's doing: its timers came late. What is sure in spite of that, stands. */
function cameLate({ generatorLag }: Evidence, isSure: boolean): string | undefined {
  const late = quantile(generatorLag, 0.95) ?? 0;
  return late > LONGEST_WAIT_MS && !isSure
    ? `generator overloaded: its timers came ${late.toFixed(1)} ms late`
    : undefined;
}

/**
 * Whether latency is on its side of the limit however late the measuring side was. What is fast enough would be faster
 * still. Where 6 % of the messages took so long, and no more than 1 % was held back by more than is taken off, 5 % were too slow.
 */
function isSureOfLatency({ latency, generatorLag, bounds }: Evidence, value = 0): boolean {
  if (value < LATENCY_LIMIT_MS) return true;
  const slow = (quantile(latency, 0.94) ?? 0) - (quantile(generatorLag, 0.99) ?? 0);
  return !bounds && slow >= LATENCY_LIMIT_MS;
}

/** From where the bucket of the lower end begins to where that of the upper one ends: nearer a histogram does not tell. */
const inBuckets = ([low, high]: [number, number]): [number, number] => [
  bucketStart(bucketOf(low)),
  bucketStart(bucketOf(high) + 1),
];

/**
 * Between which values p95 is: by resampling plans, of one plan within its bucket, or where only bounds are known, those
 * around it.
 */
function certaintyOf({ bounds, plans, streams }: Evidence, value = 0): Pick<Measure, "interval" | "note"> {
  if (bounds) {
    const low = bounds.findLast((bound) => bound < value) ?? 0;
    const high = bounds.find((bound) => bound >= value);
    if (high === undefined) return { note: `more than ${low} ms` };
    return { interval: [low, high], note: `between ${low} and ${high} ms` };
  }
  const worst = streams.reduce((most, { p95Ms }) => Math.max(most, p95Ms ?? 0), 0);
  return {
    interval: inBuckets(spread(plans, (h) => quantile(h, 0.95)) ?? [value, value]),
    note: `worst stream ${worst.toFixed(1)} ms`,
  };
}

function latencyP95(evidence: Evidence): Measure {
  const value = quantile(evidence.latency, 0.95);
  const observations = size(evidence.latency);
  const { interval, note } = certaintyOf(evidence, value);
  return {
    value,
    observations,
    interval: value === undefined ? undefined : interval,
    note: `${observations} messages, ${note}`,
    noData:
      notStamped(evidence) ??
      waitedTooLong(evidence) ??
      cameLate(evidence, isSureOfLatency(evidence, value)) ??
      clocksDisagree(evidence, observations) ??
      clockTooUncertain(evidence, value) ??
      (value !== undefined && value < LATENCY_LIMIT_MS ? tooFew(evidence, observations) : undefined),
  };
}

/** An answer of /health that takes longer is a stall. */
export const STALL_MS = 1_000;

const THROUGHPUT_LIMIT = 1_000;

/** What the client that got least was given, over the plans whose pipeline offered more than the target. */
function throughput(evidence: Evidence): Measure {
  const { rates } = evidence;
  const full = rates.filter(({ offered }) => offered > THROUGHPUT_LIMIT);
  const least = full.reduce(
    (a, b) => (b.delivered < a.delivered ? b : a),
    full[0] ?? { delivered: 0, clients: 0, offered: 0, slowReader: null },
  );
  if (full.length > 0) {
    const beside = (least.slowReader ?? null) === null ? "" : " beside a slow reader";
    const clients = `${least.clients} ${least.clients === 1 ? "client" : "clients"}`;
    const note = `${clients}${beside}, ${Math.round(least.offered)} msg/s offered`;
    const noData = cameLate(evidence, least.delivered > THROUGHPUT_LIMIT);
    return { value: least.delivered, observations: full.length, note, noData };
  }
  const most = rates.reduce((top, { offered }) => Math.max(top, offered), 0);
  const notMeasured =
    rates.length > 0
      ? `the pipeline offered ${Math.round(most)} msg/s at most, less than the target`
      : undefined;
  return { value: undefined, observations: rates.length, notMeasured };
}

type Step = Pick<StepReport, "plans" | "completed" | "completionMs"> & Partial<Pick<StepReport, "unknown">>;

/** The exponent of completion time against plans between two steps: 1 is linear. */
export const exponentBetween = (before: Step, step: Step): number =>
  Math.log(step.completionMs / before.completionMs) / Math.log(step.plans / before.plans);

/** How far from linear (1.0) scaling may measure. */
const SCALING_LIMIT = 1.1;

/** The largest exponent between neighbouring steps, were each to have taken `lateMs` less; undefined with fewer than two. */
function worstExponent(steps: readonly Step[], lateMs: number): { value: number; note: string } | undefined {
  const exponents = steps.slice(1).map((step, i) => {
    const before = steps[i] ?? step;
    const value = exponentBetween(before, { ...step, completionMs: Math.max(1, step.completionMs - lateMs) });
    return { value, note: `from ${before.plans} to ${step.plans} plans` };
  });
  return exponents.toSorted((a, b) => b.value - a.value)[0];
}

/** The first step in which not all plans were completed, in words; undefined where there is none. */
function cliffIn(steps: readonly Step[]): string | undefined {
  const cliff = steps.find(({ plans, completed }) => completed < plans);
  if (cliff === undefined) return undefined;
  const { plans, completed, unknown = 0 } = cliff;
  const untold = unknown > 0 ? `, ${unknown} not known: the server did not tell` : "";
  return `cliff at ${plans} plans (${completed} completed${untold})`;
}

/**
 * The largest exponent between neighbouring steps. Plans that were not completed count with their deadline, which is
 * less than they take: with them the target can be missed, and not met.
 */
function scaling(evidence: Evidence): Measure {
  const steps = evidence.steps.toSorted((a, b) => a.plans - b.plans);
  const worst = worstExponent(steps, 0);
  const cliff = cliffIn(steps);
  const note = [worst?.note, cliff].filter((part) => part !== undefined).join("; ");
  const value = worst?.value;
  const isLinear = value !== undefined && value <= SCALING_LIMIT;
  const lateMs = quantile(evidence.generatorLag, 0.99) ?? 0;
  const isSure = isLinear || (worstExponent(steps, lateMs)?.value ?? 0) > SCALING_LIMIT;
  const noData =
    isLinear && cliff !== undefined
      ? "not all plans were completed, so how long they take is not known"
      : cameLate(evidence, isSure);
  return { value, observations: steps.length, note, noData };
}

/** An answer that never came may have been a 5xx: with such, 0 of them is not known. */
function serverErrors(evidence: Evidence): Measure {
  const observations = count(evidence, "requests");
  const value = observations > 0 ? count(evidence, "serverErrors") : undefined;
  const unanswered = count(evidence, "unanswered");
  return {
    value,
    observations,
    note: `in ${observations} requests`,
    noData:
      value === 0 && unanswered > 0
        ? `${unanswered} of ${observations} requests were not answered`
        : undefined,
  };
}

/**
 * The target metrics: the one place where a target's number stands. The k6 thresholds, the verdicts, the reports
 * and the exit codes come from here. Limits and "before" are the test plan's, except: clean-outcomes,
 * server-errors, responsiveness, fallback-report and resource-stability turn its success criteria ("no crashes",
 * "graceful error handling", "no leaks") into figures; 1.1 is how far from linear (1.0) scaling may measure. Tolerances
 * are ours: what nobody would act upon, about a hundredth of a share and a tenth of another target's limit; of latency a
 * fifth, because equal runs differ by what else the machine does.
 */
export const TARGETS = [
  {
    id: "connection-success",
    title: "Connection success rate",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "~80 %",
    form: { kind: "rate", metric: "connection_success" },
    comparedBy: "plan",
    tolerance: 0.01,
    measure: share("usable", "attempts", "attempts usable", "attemptsUnknown"),
  },
  {
    id: "message-delivery",
    title: "Message delivery rate",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "~90 %",
    form: { kind: "gauge", metric: "message_delivery" },
    comparedBy: "plan",
    tolerance: 0.001,
    measure: delivery,
  },
  {
    id: "reconnection-success",
    title: "Reconnection success rate",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "~30 %",
    form: { kind: "rate", metric: "reconnection_success" },
    comparedBy: "plan",
    tolerance: 0.01,
    measure: share("returned", "returns", "returns usable", "returnsUnknown"),
  },
  {
    id: "reconnection-loss",
    title: "Messages lost over a reconnect",
    unit: "%",
    comparison: "<=",
    limit: 0,
    before: "all",
    form: { kind: "gauge", metric: "reconnection_loss" },
    comparedBy: "plan",
    tolerance: 0.01,
    measure: (evidence) => {
      const measure = share("gapLost", "gapMessages", "messages of gaps lost")(evidence);
      const few = measure.value === 0 && measure.observations < FEWEST_MESSAGES;
      const noData = few ? `too few to judge: ${measure.observations} messages of gaps` : undefined;
      return { ...measure, noData: notStamped(evidence) ?? noData };
    },
  },
  {
    id: "message-latency",
    title: "Message latency, p95",
    unit: "ms",
    comparison: "<",
    limit: LATENCY_LIMIT_MS,
    before: "~300 ms",
    form: { kind: "gauge", metric: "message_latency" },
    comparedBy: "latency",
    tolerance: LATENCY_LIMIT_MS / 5,
    measure: latencyP95,
  },
  {
    id: "throughput",
    title: "Throughput to one client",
    unit: "msg/s",
    comparison: ">",
    limit: THROUGHPUT_LIMIT,
    before: "~300 msg/s",
    form: { kind: "shortfall", metric: "throughput_shortfall" },
    comparedBy: "run",
    tolerance: THROUGHPUT_LIMIT / 10,
    measure: throughput,
  },
  {
    id: "memory-stability",
    title: "Growth of server memory",
    unit: "%/h",
    comparison: "<",
    limit: 1,
    before: "~10 %/h",
    form: { kind: "gauge", metric: "memory_growth" },
    comparedBy: "run",
    tolerance: 0.5,
    measure: ({ samples }) => memoryGrowth(samples),
  },
  {
    id: "cpu-efficiency",
    title: "Server CPU with idle streams",
    unit: "%",
    comparison: "<",
    limit: 0.05,
    before: "~15 %",
    form: { kind: "gauge", metric: "idle_cpu" },
    comparedBy: "run",
    tolerance: 0.01,
    measure: ({ samples }) => idleCpu(samples),
  },
  {
    id: "scaling",
    title: "Scaling of completion time with plans",
    unit: "exponent",
    comparison: "<=",
    limit: SCALING_LIMIT,
    before: "superlinear",
    form: { kind: "gauge", metric: "scaling_exponent" },
    comparedBy: "run",
    tolerance: 0.1,
    measure: scaling,
  },
  {
    id: "clean-outcomes",
    title: "Streams that end as they should",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "crashes, hangs",
    form: { kind: "rate", metric: "clean_outcomes" },
    comparedBy: "plan",
    tolerance: 0.01,
    measure: share("acceptable", "ended", "streams and checks", "outcomesUnknown"),
  },
  {
    id: "server-errors",
    title: "Answers 5xx",
    unit: "",
    comparison: "==",
    limit: 0,
    before: "KeyError, 500s",
    form: { kind: "counter", metric: "server_errors" },
    comparedBy: "window",
    tolerance: 0,
    measure: serverErrors,
  },
  {
    id: "responsiveness",
    title: "/health answers within 1 s",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "stalls",
    form: { kind: "rate", metric: "responsiveness" },
    comparedBy: "window",
    tolerance: 0.01,
    measure: share("prompt", "probes", "probes"),
  },
  {
    id: "fallback-report",
    title: "Report delivered although the stream broke off",
    unit: "%",
    comparison: ">=",
    limit: 1,
    before: "none",
    form: { kind: "rate", metric: "fallback_report" },
    comparedBy: "plan",
    tolerance: 0.01,
    measure: share("fallbackDelivered", "fallbackAsked", "plans", "fallbacksUnknown"),
  },
  {
    id: "resource-stability",
    title: "Threads and open files after churn",
    unit: "",
    comparison: "<=",
    limit: 0,
    before: "leaks",
    form: { kind: "gauge", metric: "resource_growth" },
    comparedBy: "run",
    tolerance: 2,
    measure: ({ samples }) => resourceGrowth(samples),
  },
] as const satisfies readonly Target[];

export type TargetId = (typeof TARGETS)[number]["id"];

/** The row of a target. */
export function target(id: TargetId): Target {
  const row = TARGETS.find((candidate) => candidate.id === id);
  if (row === undefined) throw new Error(`no target ${id}`);
  return row;
}

/** Whether `value` meets the target. */
export function meets({ comparison, limit }: Target, value: number): boolean {
  switch (comparison) {
    case ">=":
      return value >= limit;
    case ">":
      return value > limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case "==":
      return value === limit;
  }
}

const SIGNS: Record<Target["comparison"], string> = { ">=": "≥", ">": ">", "<": "<", "<=": "≤", "==": "" };

/** A value of the target's unit as a person reads it, e.g. "99.4 %"; "–" for none. */
export function show({ unit }: Pick<Target, "unit">, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (unit === "%") return `${trim(value * 100, 2)} %`;
  if (unit === "exponent" || unit === "") return trim(value, 2);
  return `${trim(value, value < 10 ? 2 : 1)} ${unit}`;
}

/** A difference of two values with its sign, shares in points: "+12.3 ms", "−8.8 points". */
export function showDifference({ unit }: Pick<Target, "unit">, difference: number): string {
  const size = Math.abs(difference);
  const text =
    unit === "%" ? `${trim(size * 100, 2)} ${size === 0.01 ? "point" : "points"}` : show({ unit }, size);
  return difference === 0 ? text : `${difference > 0 ? "+" : "−"}${text}`;
}

/** By how much two runs may differ before one is worse, e.g. "1 point". */
export const showTolerance = (row: Target): string => showDifference(row, row.tolerance).replace("+", "");

/** Rounded towards zero, so that 99.999 % is never shown as 100 %. */
function trim(value: number, digits: number): string {
  const factor = 10 ** digits;
  return String(Math.trunc(Number((value * factor).toPrecision(12))) / factor);
}

/** The target as a person reads it, e.g. "< 100 ms" or "100 %". */
export function showTarget(row: Target): string {
  const isWhole = row.unit === "%" && (row.limit === 1 || row.limit === 0);
  return isWhole ? show(row, row.limit) : `${SIGNS[row.comparison]} ${show(row, row.limit)}`.trim();
}
