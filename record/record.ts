import * as v from "valibot";

/**
 * Version of the shape of run.json. Records of earlier versions load: what they lack is optional below, with what is
 * read in its place. 2: plans have counts.
 */
export const SCHEMA_VERSION = 2;
const READABLE_VERSIONS = [1, SCHEMA_VERSION] as const;

export const TRANSPORTS = ["sse", "ws"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Which WebSocket is used: ours, which costs what our SSE client costs, or k6's own as a cross-check. */
export const WS_CLIENTS = ["xk6", "k6"] as const;
export type WsClient = (typeof WS_CLIENTS)[number];

/** How a stream ended: every stream has exactly one. */
export const OUTCOMES = [
  "completed", // the server said that the plan completed, and closed
  "failed", // the server said that the plan failed, and closed
  "fallback", // the plan failed and the server completed it with its fallback report
  "deleted", // the test deleted the plan and the server ended the stream
  "refused", // the server answered, and said no: a status, or an error in place of a first message
  "dropped", // the connection failed or broke, or ended without a word
  "starved", // no message for longer than allowed while there was something to be told
  "timed_out", // still open after its whole time although the plan was over
  "closed", // closed by the test
  "interrupted", // broken off by the load generator; never the server's doing
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** From best to worst: what one test saw missed is missed, though another saw nothing. */
export const VERDICTS = ["met", "at the edge", "not measured", "no data", "missed"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const RUN_STATES = [
  "running", // or broken off without a word
  "complete",
  "interrupted",
  "failed", // a virtual user did not come to its end
  "incomplete", // merged, and not all instances were complete
] as const;

/** Larger is nothing that is counted or timed here; JSON can say 1e999, which is read as infinite and cannot be written. */
const MOST = 1e18;
const within = (least: number, most: number, message: string) =>
  v.custom<number>((value) => typeof value === "number" && value >= least && value <= most, message);
const figure = within(-MOST, MOST, "it is no number, or too large a one");
const count = within(0, MOST, "it is no count");
/** Milliseconds since the epoch, to the year 2096. */
const instant = within(0, 4e12, "it is no time");
const bucket = v.custom<string>((key) => typeof key === "string" && /^\d{1,3}$/.test(key), "it is no bucket");

/** Bucket number to count: see record/histogram.ts. */
export const sparseHistogram = v.record(bucket, count);

/** Named counts and a histogram of milliseconds: the unit in which figures are added up, whoever gathered them. */
export const tallySchema = v.object({
  counts: v.optional(v.record(v.string(), figure), {}),
  latency: v.optional(sparseHistogram, {}),
});
export type Tally = v.InferOutput<typeof tallySchema>;

/** A target's verdict over a test or over a whole run. */
export const judgedSchema = v.object({
  id: v.string(),
  verdict: v.picklist(VERDICTS),
  /** In `unit`; null where nothing was seen. */
  value: v.nullable(figure),
  unit: v.string(),
  /** The target as a person reads it, e.g. "< 100 ms". */
  target: v.string(),
  /** How many things the value rests on: attempts, messages due, plans, probes. */
  observations: figure,
  /** 95 % interval of the value, where it is an estimate; of latency of a single plan, what its histogram can tell. */
  interval: v.nullable(v.tuple([figure, figure])),
  /** Why there is no value, or what stands behind it. */
  reason: v.string(),
});
export type Judged = v.InferOutput<typeof judgedSchema>;

/** One stream as its client saw it. Durations are milliseconds. */
export const streamSchema = v.object({
  test: v.string(),
  plan: v.string(),
  client: v.string(),
  outcome: v.picklist(OUTCOMES),
  acceptable: v.boolean(),
  reason: v.string(),
  startedAt: instant,
  openedAt: v.nullable(instant),
  endedAt: instant,
  firstMessageMs: v.nullable(figure),
  p95Ms: v.nullable(figure),
  counts: v.record(v.string(), figure),
});
export type StreamReport = v.InferOutput<typeof streamSchema>;

/** A plan with what was counted of it and the latency of all messages that its clients received: the unit of resampling. */
export const planSchema = v.object({
  test: v.string(),
  plan: v.string(), // its id, or NOT_CREATED
  counts: v.optional(v.record(v.string(), figure), {}),
  latency: sparseHistogram,
});
/** In place of the id of a plan that could not be created. */
export const NOT_CREATED = "not created";
export type PlanReport = v.InferOutput<typeof planSchema>;

export const failedRequestSchema = v.object({
  test: v.string(),
  at: instant,
  call: v.string(),
  status: figure,
  durationMs: figure,
  answer: v.string(),
});
export type FailedRequest = v.InferOutput<typeof failedRequestSchema>;

export const findingSchema = v.object({ test: v.string(), text: v.string() });
export type Finding = v.InferOutput<typeof findingSchema>;

/** A call of the API: how often each status was answered, and whether every answer was as the API promises. */
export const callSchema = v.object({
  call: v.string(),
  answers: v.record(v.string(), figure),
  working: v.boolean(),
});
export type Call = v.InferOutput<typeof callSchema>;

export const stallSchema = v.object({
  test: v.string(),
  at: instant,
  durationMs: figure,
  status: figure,
  /** How many probes of /health it took. */
  probes: v.optional(figure, 1),
  /** Requests of the test that waited for more than a second meanwhile. */
  waiting: v.optional(figure, 0),
  /** Streams that were open when it began, and of which none heard anything; null where some did. */
  silent: v.optional(v.nullable(figure), null),
});
export type Stall = v.InferOutput<typeof stallSchema>;

/** A request that was answered late, or not at all. */
export const slowRequestSchema = v.object({ test: v.string(), at: instant, durationMs: figure });
export type SlowRequest = v.InferOutput<typeof slowRequestSchema>;

/** A message of a type that the API does not have: an example of each. */
export const unknownMessageSchema = v.object({ test: v.string(), type: v.string(), text: v.string() });
export type UnknownMessage = v.InferOutput<typeof unknownMessageSchema>;

/** What followed a test. */
export const handoverSchema = v.object({
  test: v.string(),
  /** How long the server took to recover from it, in milliseconds; null where it did not, or that was not measured. */
  recoveryMs: v.nullable(figure),
  /** The test that was to follow; null after the last. */
  next: v.nullable(v.string()),
  /** Whether the server was restarted before that one. */
  isFresh: v.boolean(),
  /** Why that one was not played; null where it was. */
  withheld: v.nullable(v.string()),
});
export type Handover = v.InferOutput<typeof handoverSchema>;

/** The server's process, and k6's own, at one moment. What the server does not tell is null. */
export const sampleSchema = v.object({
  test: v.string(),
  at: instant,
  /** The phase of an endurance test; "load" in every other. */
  phase: v.string(),
  residentBytes: v.nullable(figure),
  /** Processor time since the process's start, in seconds. */
  cpuSeconds: v.nullable(figure),
  threads: v.nullable(figure),
  openFiles: v.nullable(figure),
  k6ResidentBytes: figure,
});
export type ServerSample = v.InferOutput<typeof sampleSchema>;

/** What a plan's clients were given while its pipeline ran at full speed. Messages per second, latency in milliseconds. */
export const rateSchema = v.object({
  test: v.string(),
  plan: v.string(),
  clients: figure,
  /** What the pipeline offered. */
  offered: figure,
  /** What the client that got least received. */
  delivered: figure,
  /** What a slow reader among them took; null where there was none. */
  slowReader: v.optional(v.nullable(figure), null),
  due: v.optional(figure, 0),
  lost: v.optional(figure, 0),
  /** Quantiles of the latency of the scene; null where nothing counted for it. */
  latency: v.optional(v.nullable(v.object({ p50: figure, p95: figure, p99: figure })), null),
});
export type RateReport = v.InferOutput<typeof rateSchema>;

/** A step of a scaling test: so many plans at once, each followed to its end or its deadline. */
export const stepSchema = v.object({
  test: v.string(),
  /** Milliseconds since the epoch; null where it is not known. */
  startedAt: v.optional(v.nullable(instant), null),
  endedAt: v.optional(v.nullable(instant), null),
  plans: figure,
  completed: figure,
  /** Of those that were not, plans of which the server did not tell how they stood. */
  unknown: v.optional(figure, 0),
  /** Until the last plan was completed; a plan that was not counts with its deadline. Milliseconds. */
  completionMs: figure,
  /** Until the last first message; null where a plan had none. */
  firstMessageMs: v.nullable(figure),
  due: figure,
  delivered: figure,
});
export type StepReport = v.InferOutput<typeof stepSchema>;

/** The report of a plan whose run broke off. */
export const fallbackSchema = v.object({
  test: v.string(),
  plan: v.string(),
  /** How the run broke off. */
  cause: v.string(),
  isDelivered: v.boolean(),
  /** From the end of the stream until the report was there. */
  availableMs: v.nullable(figure),
  completionPercentage: v.nullable(figure),
  missingSections: v.array(v.string()),
  artefacts: figure,
  /** The delivered HTML beside run.json; null where there is none. */
  file: v.nullable(v.string()),
  reason: v.string(),
});
export type FallbackReport = v.InferOutput<typeof fallbackSchema>;

/** A bounded list: what it kept of all that it has seen. */
const bounded = <T extends v.GenericSchema>(item: T) =>
  v.optional(v.object({ seen: count, kept: v.array(item) }), { seen: 0, kept: [] } as never);

const windowSchema = v.object({
  widthMs: within(1, MOST, "it is no width"),
  items: v.array(v.object({ at: instant, ...tallySchema.entries })),
});

/** A stream that the recorder holds open: what was known when it was opened. */
export const openStreamSchema = v.object({
  test: v.string(),
  plan: v.string(),
  client: v.string(),
  startedAt: instant,
});

/** No clock is further off than by three years. */
const FURTHEST_CLOCK_MS = 1e11;

/** ISO 8601. */
const moment = v.pipe(
  v.string(),
  v.check((text) => v.is(instant, Date.parse(text)), "it is no time"),
);

const clockSchema = v.nullable(
  v.object({
    offsetMs: within(-FURTHEST_CLOCK_MS, FURTHEST_CLOCK_MS, "it is no difference of clocks"),
    uncertaintyMs: count,
    applied: v.boolean(),
  }),
);

/** What set-up found out and a record tells, as far as it was known when the record was begun. */
const beginningSchema = v.object({
  startedAt: moment,
  health: v.object({ version: v.string(), simulated: v.boolean(), behaviour: v.string() }),
  /** Where the server's process is seen; null: nowhere. */
  source: v.nullable(v.object({ name: v.string() })),
  clock: clockSchema,
});
export type Beginning = v.InferOutput<typeof beginningSchema>;

/** What the recorder hands to `teardown` and `handleSummary`. */
export const snapshotSchema = v.object({
  signalled: v.boolean(),
  streams: v.object({ seen: count, kept: v.array(streamSchema), open: v.array(openStreamSchema) }),
  lists: v.object({
    beginning: bounded(beginningSchema),
    plans: bounded(planSchema),
    failedRequests: bounded(failedRequestSchema),
    findings: bounded(findingSchema),
    stalls: bounded(stallSchema),
    slowRequests: bounded(slowRequestSchema),
    unknownMessages: bounded(unknownMessageSchema),
    handovers: bounded(handoverSchema),
    samples: bounded(sampleSchema),
    rates: bounded(rateSchema),
    steps: bounded(stepSchema),
    fallbacks: bounded(fallbackSchema),
  }),
  tallies: v.record(v.string(), tallySchema),
  windows: v.record(v.string(), windowSchema),
});
export type Snapshot = v.InferOutput<typeof snapshotSchema>;

/** One test of a run: what was counted, and how it was judged. */
export const testSchema = v.object({
  name: v.string(),
  /** The sections of the test plan that it covers. */
  plan: v.array(v.string()),
  /** The test plan's group of results that it belongs to. */
  group: v.string(),
  /** Milliseconds since the epoch; null for a test that did not begin. */
  startedAt: v.nullable(instant),
  endedAt: v.nullable(instant),
  /** How long the server took to recover from it, in milliseconds; null where it did not, or that was not measured. */
  recoveryMs: v.optional(v.nullable(figure), null),
  /** Whether the server had been restarted before it. */
  hadFreshServer: v.optional(v.boolean(), false),
  /** Why it was not played; null where it was. */
  withheld: v.optional(v.nullable(v.string()), null),
  targets: v.array(judgedSchema),
  outcomes: v.record(v.string(), figure),
  findings: v.array(v.string()),
  calls: v.array(callSchema),
  tally: tallySchema,
  /** Distributions of durations, by name. */
  timings: v.record(v.string(), sparseHistogram),
});
export type TestRecord = v.InferOutput<typeof testSchema>;

/** An instance of a merged run: how it ended, "missing" where it left none that can be read, and its `clock`. */
export const instancePartSchema = v.object({
  name: v.string(),
  state: v.picklist([...RUN_STATES, "missing"]),
  clock: clockSchema,
});
export type InstancePart = v.InferOutput<typeof instancePartSchema>;

/** A process as no other is: its number may be used again, by the same machine for one of another start. */
export const processSchema = v.nullable(v.object({ host: v.string(), pid: count, start: count }));
export type Process = v.InferOutput<typeof processSchema>;

/** The record of a run: results/<run id>/run.json. */
export const recordSchema = v.object({
  schema: v.pipe(
    v.picklist(
      READABLE_VERSIONS,
      `it is of another version than this program reads (${READABLE_VERSIONS.join(", ")})`,
    ),
    v.transform((): typeof SCHEMA_VERSION => SCHEMA_VERSION),
  ),
  state: v.picklist(RUN_STATES),
  /** The name of the run's directory. */
  runId: v.pipe(v.string(), v.regex(/^(?!\.+$)[A-Za-z0-9._-]{1,300}$/, "it is no id of a run")),
  /** Which instance of a run that several share, e.g. "2-of-4"; null for a whole run. */
  instance: v.nullable(v.string()),
  test: v.string(),
  release: v.string(),
  transport: v.picklist(TRANSPORTS),
  profile: v.string(),
  startedAt: moment,
  endedAt: v.nullable(moment),
  target: v.object({
    baseUrl: v.string(),
    version: v.string(),
    /** Whether the server says of itself that its pipeline is simulated, and how it behaves. */
    simulated: v.boolean(),
    behaviour: v.string(),
    /** Where the server's process was seen: the URL of its metrics, or the process by its port; null: nowhere. */
    process: v.optional(v.nullable(v.string()), null),
  }),
  k6: v.string(),
  /** The k6 that wrote it; null where that is not known. */
  by: v.optional(processSchema, null),
  command: v.string(),
  configuration: v.record(v.string(), v.string()),
  targets: v.array(judgedSchema),
  /** What was found beside the tests: plans that could not be deleted. */
  findings: v.array(v.string()),
  tests: v.array(testSchema),
  streams: v.object({ seen: count, kept: v.array(streamSchema) }),
  plans: v.object({ seen: count, kept: v.array(planSchema) }),
  /** Latency over the whole run, in the buckets of record/histogram.ts. */
  histograms: v.object({ latency: sparseHistogram }),
  windows: v.record(v.string(), windowSchema),
  failedRequests: v.object({ seen: count, kept: v.array(failedRequestSchema) }),
  stalls: v.object({ seen: count, kept: v.array(stallSchema) }),
  /** The server's process over time. */
  samples: v.object({ seen: count, kept: v.array(sampleSchema) }),
  rates: v.array(rateSchema),
  steps: v.array(stepSchema),
  fallbacks: v.array(fallbackSchema),
  /**
   * The server's clock less this machine's, in milliseconds, and half a round trip: its uncertainty. It is taken off
   * the server's timestamps where it exceeds that. Null where the server did not tell its time.
   */
  clock: clockSchema,
  /** What the measuring side added: the wait of messages between socket and account, and how late its timers came. */
  instrument: v.object({ queueDelay: sparseHistogram, generatorLag: v.optional(sparseHistogram, {}) }),
  /**
   * Where durations are known only to lie between two of these (milliseconds, ascending): in a record made from
   * Prometheus. Null: to a bucket of record/histogram.ts.
   */
  bounds: v.optional(v.nullable(v.array(v.number())), null),
  /** What a merged record was made of; empty where the run was one process's. */
  instances: v.optional(v.array(instancePartSchema), []),
});
export type RunRecord = v.InferOutput<typeof recordSchema>;

/** Reads a run.json. Throws one sentence that names the first thing wrong with it. */
export function parseRecord(text: string, name: string): RunRecord {
  const result = v.safeParse(recordSchema, parseJson(text, name));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${name} is not a record of a run: ${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} is not a record of a run: it is not JSON, or only a part of it`);
  }
}
