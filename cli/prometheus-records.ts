import { mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { instanceName } from "../record/instance.ts";
import {
  type RateReport,
  type RunRecord,
  SCHEMA_VERSION,
  type ServerSample,
  type StepReport,
  type TestRecord,
  TRANSPORTS,
} from "../record/record.ts";
import {
  BOUNDS_MS,
  bucketSeries,
  COUNTERS,
  type CounterName,
  counted,
  counterSeries,
  DISTRIBUTIONS,
  type DistributionName,
  GAUGES,
  type GaugeName,
  gaugeSeries,
  histogramWithin,
  OUTCOMES_SERIES,
  PHASE_NAMES,
  WHOLE_RUN_LABEL,
} from "../run/series.ts";
import { TEST_NAMES } from "../scenarios/names.ts";
import { USERS_EXPECTED, USERS_FINISHED } from "../thresholds/judge.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { type TargetId, target } from "../thresholds/targets.ts";
import type { Ask, Series } from "./prometheus-query.ts";

/** A run that began longer ago is not found. */
const LOOK_BACK_DAYS = 90;
/** The clocks of instances may be ahead of this machine's, in seconds. */
const AHEAD = 600;

const UNKNOWN = "not sent to Prometheus";
const REDUCED =
  "made from Prometheus alone, which knows no single streams, plans, requests and seconds; percentiles are known to a bucket";

const COUNTER_NAMES = Object.keys(COUNTERS) as CounterName[];
const DISTRIBUTION_NAMES = Object.keys(DISTRIBUTIONS) as DistributionName[];
const LAST_VALUES = [
  ...COUNTER_NAMES.map(counterSeries),
  ...DISTRIBUTION_NAMES.map((name) => counterSeries(bucketSeries(name))),
  counterSeries(OUTCOMES_SERIES),
  ...(Object.keys(GAUGES) as GaugeName[]).map(gaugeSeries),
];

/** The figures of a sample of the server's process, each with its series. */
const SAMPLED = {
  residentBytes: "server_memory_bytes",
  cpuSeconds: "server_cpu_seconds_total",
  threads: "server_threads",
  openFiles: "server_open_files",
  k6ResidentBytes: "generator_memory_bytes",
} as const satisfies Partial<Record<keyof ServerSample, GaugeName>>;
/** How far apart the figures of one sample may be, in seconds. */
const SAME_MOMENT = 0.5;

/**
 * The record of a run of which only Prometheus knows: counts to the unit, percentiles to a bucket, and what Prometheus was
 * not sent left empty. Of each series the last value counts, whether the run's series have ended since or had gaps. An
 * instance whose counters did not all arrive is not complete.
 * @throws Error with one sentence where Prometheus does not know the run
 */
export async function recordFromPrometheus(
  ask: Ask,
  testid: string,
  now = Date.now() / 1_000,
): Promise<RunRecord> {
  const at = Math.ceil(now) + AHEAD;
  const infos = await ask(
    lastOf(
      [gaugeSeries("run_info"), gaugeSeries("run_started_seconds")],
      { testid },
      LOOK_BACK_DAYS * 86_400,
    ),
    at,
  );
  const starts = infos.filter(named("run_started_seconds")).map(lastValue);
  if (starts.length === 0) {
    throw new Error(
      `Prometheus knows no run ${testid} of the last ${LOOK_BACK_DAYS} days: give the run's id, as it is named in its directory and in dashboards`,
    );
  }
  const range = at - Math.floor(Math.min(...starts));
  const records: RunRecord[] = [];
  for (const info of infos.filter(named("run_info"))) records.push(await recordOf(ask, info, at, range));
  if (records.length === 0) {
    throw new Error(
      `Prometheus knows the run ${testid}, and not what it is (${gaugeSeries("run_info")}): it was made by another version, merge its records`,
    );
  }
  const whole = mergeRecords(records);
  return { ...whole, findings: [...whole.findings, REDUCED] };
}

async function recordOf(ask: Ask, { labels }: Series, at: number, range: number): Promise<RunRecord> {
  const { testid, release, transport, profile, trigger, instance_id = "" } = labels;
  const where = { testid, release, transport, profile, trigger, instance_id };
  const series = await ask(lastOf(LAST_VALUES, where, range), at);
  const moments = [gaugeSeries("sample_phase"), ...Object.values(SAMPLED).map(gaugeSeries)];
  const sampled = await ask(selector(moments, where, range), at);
  return instanceRecord(labels, series, samplesOf(sampled));
}

const lastOf = (names: readonly string[], where: Labels, range: number): string =>
  `last_over_time(${selector(names, where, range)})`;

type Labels = Record<string, string | undefined>;

/** Series of these names and labels within so many seconds. Text in PromQL is quoted as in JSON. */
function selector(names: readonly string[], where: Labels, range: number): string {
  const labels = Object.entries(where).map(([name, value = ""]) => `${name}=${JSON.stringify(value)}`);
  return `{__name__=~"${names.join("|")}",${labels.join(",")}}[${range}s]`;
}

const named =
  (name: GaugeName) =>
  ({ labels }: Series): boolean =>
    labels.__name__ === gaugeSeries(name);
const lastValue = ({ samples }: Series): number => samples.at(-1)?.[1] ?? 0;

/** The last value of a gauge of the whole run; undefined where it was not sent. */
function gauge(series: readonly Series[], name: GaugeName): number | undefined {
  const found = series.find((one) => named(name)(one) && one.labels.test === WHOLE_RUN_LABEL);
  return found === undefined ? undefined : lastValue(found);
}

function instanceRecord(
  info: Series["labels"],
  series: readonly Series[],
  samples: readonly ServerSample[],
): RunRecord {
  const { release = "", profile = "", trigger = "", instance_id = "1", instances = "1" } = info;
  const transport = TRANSPORTS.find((one) => one === info.transport) ?? TRANSPORTS[0];
  const runId = info.testid ?? "";
  const tests = testRecords(series);
  const { state, findings } = stateOf(tests, gauge(series, "run_counted"));
  const endedAt = gauge(series, "run_ended_seconds");
  return {
    schema: SCHEMA_VERSION,
    state,
    runId,
    instance: instances === "1" ? null : instanceName({ number: Number(instance_id), of: Number(instances) }),
    test: info.script ?? "",
    release,
    transport,
    profile,
    startedAt: isoOf(gauge(series, "run_started_seconds") ?? 0),
    endedAt: endedAt === undefined ? null : isoOf(endedAt),
    target: {
      baseUrl: UNKNOWN,
      version: info.server_version ?? "",
      simulated: info.simulated === "true",
      behaviour: info.behaviour ?? "",
      process: null,
    },
    k6: info.k6_version ?? "",
    by: null,
    command: UNKNOWN,
    configuration: {
      RUN_ID: runId,
      RELEASE: release,
      TRANSPORT: transport,
      PROFILE: profile,
      TRIGGER: trigger,
    },
    targets: [],
    findings,
    tests,
    streams: { seen: 0, kept: [] },
    plans: { seen: 0, kept: [] },
    histograms: { latency: joined(tests, ({ tally }) => tally.latency) },
    windows: {},
    failedRequests: { seen: 0, kept: [] },
    stalls: { seen: 0, kept: [] },
    samples: { seen: samples.length, kept: [...samples] },
    rates: ratesOf(series),
    steps: stepsOf(series),
    fallbacks: [],
    clock: clockOf(series),
    instrument: {
      queueDelay: joined(tests, ({ timings }) => timings["queue-delay"]),
      generatorLag: joined(tests, ({ timings }) => timings["generator-lag"]),
    },
    bounds: BOUNDS_MS.filter(Number.isFinite),
    instances: [],
  };
}

const isoOf = (seconds: number): string => new Date(seconds * 1_000).toISOString();

function joined(
  tests: readonly TestRecord[],
  read: (test: TestRecord) => SparseHistogram | undefined,
): SparseHistogram {
  const all: SparseHistogram = {};
  for (const test of tests) mergeInto(all, read(test) ?? {});
  return all;
}

/** An instance tells at its end what its counters came to: without that it was broken off, or still runs. */
function stateOf(
  tests: readonly TestRecord[],
  sent: number | undefined,
): Pick<RunRecord, "state" | "findings"> {
  if (sent === undefined) return { state: "running", findings: [] };
  const arrived = tests.reduce((sum, { tally }) => sum + counted(tally.counts), 0);
  if (arrived !== sent) {
    return {
      state: "incomplete",
      findings: [`its counters came to ${sent}, and to ${arrived} in Prometheus: not all were received`],
    };
  }
  const finished = ({ counts }: TestRecord["tally"]) =>
    (counts[USERS_FINISHED] ?? 0) >= (counts[USERS_EXPECTED] ?? 0);
  return { state: tests.every(({ tally }) => finished(tally)) ? "complete" : "failed", findings: [] };
}

const orderOf = (test: string): number => (TEST_NAMES as readonly string[]).indexOf(test);

function testRecords(series: readonly Series[]): TestRecord[] {
  return series
    .filter(named("test_info"))
    .map(({ labels }) => testRecord(labels, series))
    .sort((a, b) => orderOf(a.name) - orderOf(b.name));
}

function testRecord(info: Series["labels"], all: readonly Series[]): TestRecord {
  const { test: name = "", plan = "", group = "", targets = "" } = info;
  const series = all.filter(({ labels }) => labels.test === name);
  const valuesOf = (metric: string, label: string) =>
    series
      .filter(({ labels }) => labels.__name__ === metric)
      .map((one) => [one.labels[label] ?? "", lastValue(one)] as const);
  const counts = COUNTER_NAMES.flatMap((counter) =>
    valuesOf(counterSeries(counter), "test").map(([, value]) => [COUNTERS[counter], value] as const),
  );
  const histograms = DISTRIBUTION_NAMES.map(
    (one) => [DISTRIBUTIONS[one], histogramWithin(valuesOf(counterSeries(bucketSeries(one)), "le"))] as const,
  );
  const { latency = {}, ...timings } = Object.fromEntries(histograms);
  const outcomes = valuesOf(counterSeries(OUTCOMES_SERIES), "outcome").filter(([, n]) => n > 0);
  return {
    name,
    plan: plan.split(","),
    group,
    startedAt: null,
    endedAt: null,
    recoveryMs: recoveryOf(series),
    hadFreshServer: false,
    withheld: null,
    targets: targets.split(",").map(unjudged),
    outcomes: Object.fromEntries(outcomes),
    findings: [],
    calls: [],
    tally: { counts: Object.fromEntries(counts), latency },
    timings,
  };
}

/** How long the server took to recover from a test, whose series these are; null where it was not sent. */
function recoveryOf(series: readonly Series[]): number | null {
  const sent = series.find(named("test_recovery_seconds"));
  return sent === undefined ? null : lastValue(sent) * 1_000;
}

/** A target that is to be judged. @throws Error with one sentence where the table does not have it */
function unjudged(id: string): TestRecord["targets"][number] {
  const { unit } = target(id as TargetId);
  return {
    id,
    verdict: "no data",
    value: null,
    unit,
    target: "",
    observations: 0,
    interval: null,
    reason: "",
  };
}

/** Pairs of gauges that a test sent by the same label, e.g. of each scene. */
function pairs(series: readonly Series[], first: GaugeName, second: GaugeName, label: string) {
  return series.filter(named(first)).flatMap((one) => {
    const { test = "", [label]: of = "" } = one.labels;
    const other = series.find(
      ({ labels }) => labels.__name__ === gaugeSeries(second) && labels.test === test && labels[label] === of,
    );
    return other === undefined ? [] : [{ test, of, values: [lastValue(one), lastValue(other)] as const }];
  });
}

const ratesOf = (series: readonly Series[]): RateReport[] =>
  pairs(series, "throughput_offered", "throughput_delivered", "scene").map(({ test, of: scene, values }) => ({
    test,
    plan: scene,
    clients: Number.parseInt(scene, 10),
    offered: values[0],
    delivered: values[1],
    slowReader: null,
    due: 0,
    lost: 0,
    latency: null,
  }));

const stepsOf = (series: readonly Series[]): StepReport[] =>
  pairs(series, "step_completion_seconds", "step_completed", "plans")
    .map(({ test, of: plans, values }) => ({
      test,
      startedAt: null,
      endedAt: null,
      plans: Number(plans),
      completed: values[1],
      unknown: 0,
      completionMs: values[0] * 1_000,
      firstMessageMs: null,
      due: 0,
      delivered: 0,
    }))
    .sort((a, b) => a.plans - b.plans);

function clockOf(series: readonly Series[]): RunRecord["clock"] {
  const [offset, uncertainty] = [
    gauge(series, "clock_offset_seconds"),
    gauge(series, "clock_uncertainty_seconds"),
  ];
  if (offset === undefined || uncertainty === undefined) return null;
  const applied = Math.abs(offset) > uncertainty;
  return { offsetMs: offset * 1_000, uncertaintyMs: uncertainty * 1_000, applied };
}

/** The samples of the server's process: the phase of each, and the figures that were sent at its moment. */
function samplesOf(series: readonly Series[]): ServerSample[] {
  const figureAt = (figure: keyof typeof SAMPLED, moment: number): number | null => {
    const samples = series.find(named(SAMPLED[figure]))?.samples ?? [];
    return samples.find(([at]) => Math.abs(at - moment) <= SAME_MOMENT)?.[1] ?? null;
  };
  return series.filter(named("sample_phase")).flatMap(({ labels, samples }) =>
    samples.map(([at, phase]) => ({
      test: labels.test ?? "",
      at: at * 1_000,
      phase: PHASE_NAMES[phase] ?? "",
      residentBytes: figureAt("residentBytes", at),
      cpuSeconds: figureAt("cpuSeconds", at),
      threads: figureAt("threads", at),
      openFiles: figureAt("openFiles", at),
      k6ResidentBytes: figureAt("k6ResidentBytes", at) ?? 0,
    })),
  );
}
