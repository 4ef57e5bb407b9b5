import { quantile, size } from "../record/histogram.ts";
import {
  type Judged,
  type RunRecord,
  type ServerSample,
  type StepReport,
  type StreamReport,
  type TestRecord,
  type Transport,
  VERDICTS,
  type Verdict,
} from "../record/record.ts";
import { fails } from "../thresholds/judge.ts";
import { exponentBetween, show, type TargetId, target } from "../thresholds/targets.ts";

/** A verdict with its sign, so that colour never stands alone. */
export const SIGNS: Record<Verdict, string> = {
  met: "✓",
  "at the edge": "≈",
  "not measured": "○",
  missed: "✗",
  "no data": "?",
};

export const TRANSPORT_NAMES: Record<Transport, string> = { sse: "SSE", ws: "WebSocket" };

/** A target as a row of a table. */
export interface TargetRow {
  title: string;
  required: string;
  before: string;
  measured: string;
  interval: string;
  verdict: Verdict;
  sign: string;
  /** The verdict as a CSS class. */
  style: string;
  observations: string;
  reason: string;
}

export function targetRow(judged: Judged): TargetRow {
  const row = target(judged.id as TargetId);
  const [low, high] = judged.interval ?? [];
  return {
    title: row.title,
    required: judged.target,
    before: row.before,
    measured: show(row, judged.value),
    interval: low === undefined ? "" : `${show(row, low)} to ${show(row, high)}`,
    verdict: judged.verdict,
    sign: SIGNS[judged.verdict],
    style: judged.verdict.replaceAll(" ", "-"),
    observations: String(judged.observations),
    reason: judged.reason,
  };
}

/** The verdict over a whole run in one sentence. */
export function summarySentence(record: RunRecord): string {
  const failed = record.targets.filter(fails);
  const share =
    record.instance === null ? "" : `, instance ${record.instance} (a share: npm run merge judges)`;
  const what = `${TRANSPORT_NAMES[record.transport]}, release ${record.release}${share}`;
  if (record.state === "running") return `${what}: the run has not ended, or was broken off without a word.`;
  const prefix = record.state === "complete" ? what : `${what} (run ${record.state})`;
  if (failed.length === 0) return `${prefix}: no target missed (${countVerdicts(record.targets)}).`;
  const names = failed.map(({ id, verdict }) => `${id} (${verdict})`).join(", ");
  return `${prefix}: ${failed.length} of ${record.targets.length} targets not met: ${names}.`;
}

/** Whether the run came to its end, and no target fails it. */
export function hasPassed({ state, targets }: RunRecord): boolean {
  return state === "complete" && !targets.some(fails);
}

function countVerdicts(targets: readonly Judged[]): string {
  const counts = VERDICTS.map(
    (verdict) => [verdict, targets.filter((one) => one.verdict === verdict).length] as const,
  );
  return counts
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ");
}

export interface StreamRow {
  client: string;
  plan: string;
  outcome: string;
  reason: string;
  received: string;
  p95: string;
}

const WORST_STREAMS = 5;

/** The streams of a test that went worst: those that failed first, then by what they lost, then by latency. */
export function worstStreams(streams: readonly StreamReport[], test: string): StreamRow[] {
  const lost = ({ counts }: StreamReport) => (counts.due ?? 0) - (counts.delivered ?? 0);
  return streams
    .filter((stream) => stream.test === test && (!stream.acceptable || lost(stream) > 0))
    .sort(
      (a, b) =>
        Number(a.acceptable) - Number(b.acceptable) || lost(b) - lost(a) || (b.p95Ms ?? 0) - (a.p95Ms ?? 0),
    )
    .slice(0, WORST_STREAMS)
    .map((stream) => ({
      client: stream.client,
      plan: stream.plan,
      outcome: stream.outcome,
      reason: stream.reason,
      received: `${stream.counts.delivered ?? 0} of ${stream.counts.due ?? 0}`,
      p95: milliseconds(stream.p95Ms ?? undefined),
    }));
}

export const milliseconds = (ms: number | undefined): string =>
  ms === undefined ? "–" : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;

/** A table of a report: its caption, its head, its rows. */
export interface TableView {
  caption: string;
  head: string[];
  rows: string[][];
}

const MEBI = 2 ** 20;
const number = (value: number | null, digits = 0): string => (value === null ? "–" : value.toFixed(digits));

/** What some tests measure beside their streams: steps, rates, fallback reports, the server's process. */
function tablesOf({ steps, rates, fallbacks, samples, stalls }: RunRecord, test: string): TableView[] {
  const mine = <T extends { test: string }>(all: readonly T[]) => all.filter((one) => one.test === test);
  const tables: TableView[] = [
    {
      caption: "Plans at once, step by step",
      head: [
        "Plans",
        "Completed",
        "Until the last completed",
        "Exponent from the step before",
        "Until the last first message",
        "Received",
        "Stalls of /health",
      ],
      rows: mine(steps).map((step, i, all) => [
        String(step.plans),
        String(step.completed),
        milliseconds(step.completionMs),
        exponentFrom(all[i - 1], step),
        milliseconds(step.firstMessageMs ?? undefined),
        `${step.delivered} of ${step.due}`,
        String(mine(stalls.kept).filter(({ at }) => at >= step.startedAt && at <= step.endedAt).length),
      ]),
    },
    {
      caption: "Messages per second",
      head: [
        "Clients",
        "Offered",
        "Given to the client that got least",
        "Taken by a slow reader",
        "Latency p50",
        "p95",
        "p99",
        "Lost",
      ],
      rows: mine(rates).map((rate) => [
        String(rate.clients),
        number(rate.offered),
        number(rate.delivered),
        number(rate.slowReader),
        milliseconds(rate.latency?.p50),
        milliseconds(rate.latency?.p95),
        milliseconds(rate.latency?.p99),
        `${rate.lost} of ${rate.due}`,
      ]),
    },
    {
      caption: "Reports of plans whose run broke off",
      head: ["Plan", "Broke off", "Delivered", "Complete", "Sections missing", "Artefacts"],
      rows: mine(fallbacks).map((one) => [
        one.plan,
        one.cause,
        one.isDelivered ? `✓ after ${milliseconds(one.availableMs ?? undefined)}` : `✗ ${one.reason}`,
        one.completionPercentage === null ? "–" : `${number(one.completionPercentage)} %`,
        one.missingSections.join(", ") || "none",
        String(one.artefacts),
      ]),
    },
    { caption: "The server's process", head: SAMPLE_HEAD, rows: sampleRows(mine(samples.kept)) },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

const exponentFrom = (before: StepReport | undefined, step: StepReport): string =>
  before === undefined ? "–" : exponentBetween(before, step).toFixed(2);

const SAMPLE_HEAD = [
  "Phase",
  "Samples",
  "Memory, MiB",
  "Threads",
  "Open files",
  "Processor",
  "k6's memory, MiB",
];

/** A row a phase: from its first sample to its last. */
function sampleRows(samples: readonly ServerSample[]): string[][] {
  return [...new Set(samples.map(({ phase }) => phase))].map((phase) => {
    const mine = samples.filter((sample) => sample.phase === phase);
    const [first, last] = [mine[0], mine.at(-1)];
    if (first === undefined || last === undefined) return [phase];
    const fromTo = (read: (sample: ServerSample) => number | null) =>
      `${number(read(first))} to ${number(read(last))}`;
    const mebi = (bytes: number | null) => (bytes === null ? null : bytes / MEBI);
    const seconds = (last.at - first.at) / 1_000;
    const busy =
      last.cpuSeconds === null || first.cpuSeconds === null ? null : last.cpuSeconds - first.cpuSeconds;
    return [
      phase,
      String(mine.length),
      fromTo((sample) => mebi(sample.residentBytes)),
      fromTo((sample) => sample.threads),
      fromTo((sample) => sample.openFiles),
      busy === null || seconds === 0 ? "–" : `${((100 * busy) / seconds).toFixed(1)} %`,
      fromTo((sample) => mebi(sample.k6ResidentBytes)),
    ];
  });
}

export interface TestView {
  name: string;
  plan: string;
  group: string;
  targets: TargetRow[];
  outcomes: { outcome: string; count: number }[];
  /** Quantiles of the message latency and of the test's other durations. */
  durations: { name: string; count: number; p50: string; p95: string; p99: string }[];
  tables: TableView[];
  worst: StreamRow[];
  calls: { call: string; answers: string; working: boolean; sign: string }[];
  findings: string[];
}

function testView(test: TestRecord, record: RunRecord): TestView {
  return {
    name: test.name,
    plan: test.plan.join(", "),
    group: test.group,
    targets: test.targets.map(targetRow),
    outcomes: Object.entries(test.outcomes).map(([outcome, count]) => ({ outcome, count })),
    durations: Object.entries({ "message latency": test.tally.latency, ...test.timings })
      .filter(([, histogram]) => size(histogram) > 0)
      .map(([name, histogram]) => ({
        name: name.replaceAll("-", " "),
        count: size(histogram),
        p50: milliseconds(quantile(histogram, 0.5)),
        p95: milliseconds(quantile(histogram, 0.95)),
        p99: milliseconds(quantile(histogram, 0.99)),
      })),
    tables: tablesOf(record, test.name),
    worst: worstStreams(record.streams.kept, test.name),
    calls: test.calls.map(({ call, answers, working }) => ({
      call,
      answers: Object.entries(answers)
        .map(([status, count]) => `${count} × ${status}`)
        .join(", "),
      working,
      sign: working ? "✓" : "✗",
    })),
    findings: test.findings,
  };
}

/** What the report of a run shows. */
export function runView(record: RunRecord) {
  return {
    title: `${TRANSPORT_NAMES[record.transport]} stream, release ${record.release}, ${record.test}`,
    banner: banner(record),
    sentence: summarySentence(record),
    passed: hasPassed(record),
    facts: facts(record),
    targets: record.targets.map(targetRow),
    findings: record.findings,
    tests: record.tests.map((test) => testView(test, record)),
    failedRequests: record.failedRequests.kept.slice(0, 20).map((request) => ({
      ...request,
      when: new Date(request.at).toISOString(),
      took: milliseconds(request.durationMs),
    })),
    failedRequestsSeen: record.failedRequests.seen,
    stalls: record.stalls.kept.map((stall) => ({
      test: stall.test,
      when: new Date(stall.at).toISOString(),
      took: milliseconds(stall.durationMs),
      status: stall.status,
    })),
    instrument: {
      messages: size(record.instrument.queueDelay),
      p95: milliseconds(quantile(record.instrument.queueDelay, 0.95)),
      p99: milliseconds(quantile(record.instrument.queueDelay, 0.99)),
      late: milliseconds(quantile(record.instrument.generatorLag, 0.95)),
    },
    settings: Object.entries(record.configuration)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => ({ name, value })),
    // A run id is used once: it would be refused the second time.
    command: record.command.replace(/ -e RUN_ID=\S+/, ""),
  };
}

/** Said wherever the results of a simulated server are shown. */
export function banner({ target: { simulated, behaviour } }: Pick<RunRecord, "target">): string {
  return simulated ? `SIMULATED SERVER (${behaviour})` : "";
}

function facts(record: RunRecord): { label: string; value: string }[] {
  return [
    { label: "Release", value: record.release },
    { label: "Transport", value: TRANSPORT_NAMES[record.transport] },
    { label: "Profile", value: record.profile },
    { label: "Server", value: `${record.target.baseUrl}, version ${record.target.version}` },
    { label: "Server's process", value: record.target.process ?? "not seen" },
    { label: "Started", value: record.startedAt },
    { label: "Ended", value: record.endedAt ?? "–" },
    { label: "State", value: record.state },
    ...instancesText(record.instances),
    { label: "Clock", value: clockText(record.clock) },
    { label: "k6", value: record.k6 },
    { label: "Run", value: record.runId },
  ];
}

/** How the instances of a merged run ended, and how far the clock of each is off the server's. */
function instancesText(instances: RunRecord["instances"]): { label: string; value: string }[] {
  if (instances.length === 0) return [];
  const offsets = instances.flatMap(({ clock }) => clock?.offsetMs ?? []);
  const [least, most] = [Math.min(...offsets), Math.max(...offsets)];
  const complete = instances.filter(({ state }) => state === "complete").length;
  return [
    { label: "Instances", value: `${complete} of ${instances.length} complete` },
    ...(offsets.length === 0
      ? []
      : [
          {
            label: "Clocks of the instances",
            value: `the server's is off by ${signed(least)} to ${signed(most)}`,
          },
        ]),
  ];
}

const signed = (ms: number): string => `${ms >= 0 ? "+" : "−"}${milliseconds(Math.abs(ms))}`;

function clockText(clock: RunRecord["clock"]): string {
  if (clock === null) return "the server did not tell its time";
  const { offsetMs, uncertaintyMs, applied } = clock;
  const off = `${signed(offsetMs)} ± ${milliseconds(uncertaintyMs)}`;
  return `the server's is ${off} off; ${applied ? "taken off its timestamps" : "no more than its uncertainty, and not applied"}`;
}
