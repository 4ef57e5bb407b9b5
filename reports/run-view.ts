import { quantile, type SparseHistogram, size } from "../record/histogram.ts";
import type { FailedRequest, RunRecord, Stall, StreamReport, TestRecord } from "../record/record.ts";
import type { ChartView } from "./charts.ts";
import { clip, duration, lasting, milliseconds, moment } from "./format.ts";
import { notices, recoveryText } from "./notices.ts";
import { serverCharts, testCharts } from "./run-charts.ts";
import { type TableView, tablesOf } from "./run-tables.ts";
import {
  banner,
  clockText,
  hasPassed,
  instancesText,
  SIGNS,
  summarySentence,
  type TargetRow,
  TRANSPORT_NAMES,
  targetRow,
  worstVerdict,
} from "./view.ts";

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
      client: clip(stream.client),
      plan: clip(stream.plan),
      outcome: stream.outcome,
      reason: clip(stream.reason),
      received: `${stream.counts.delivered ?? 0} of ${stream.counts.due ?? 0}`,
      p95: milliseconds(stream.p95Ms ?? undefined),
    }));
}

interface RequestRow {
  when: string;
  call: string;
  status: string;
  took: string;
  answer: string;
}

interface StallRow {
  from: string;
  until: string;
  took: string;
  test: string;
  status: string;
  /** Who was frozen with it. */
  others: string;
}

/** Quantiles of a distribution of durations. */
export interface DurationRow {
  name: string;
  count: number;
  p50: string;
  p95: string;
  p99: string;
}

export interface TestView {
  name: string;
  /** The test's place in the page. */
  anchor: string;
  plan: string;
  group: string;
  sign: string;
  /** Why it was not played; null where it was. */
  withheld: string | null;
  /** How the server came out of it. */
  recovery: string;
  targets: TargetRow[];
  outcomes: { outcome: string; count: number; share: string }[];
  durations: DurationRow[];
  charts: ChartView[];
  tables: TableView[];
  worst: StreamRow[];
  failedRequests: RequestRow[];
  failedRequestsSeen: number;
  calls: { call: string; answers: string; working: boolean; sign: string }[];
  findings: string[];
}

/** What the report of a run shows. */
export interface RunView {
  title: string;
  banner: string;
  sentence: string;
  /** What is to be known before any verdict is read. */
  notices: string[];
  passed: boolean;
  facts: { label: string; value: string }[];
  targets: TargetRow[];
  findings: string[];
  tests: TestView[];
  serverCharts: ChartView[];
  stalls: StallRow[];
  stallsSeen: number;
  instrument: DurationRow[];
  settings: { name: string; value: string }[];
  command: string;
}

export function runView(record: RunRecord): RunView {
  return {
    title: `${TRANSPORT_NAMES[record.transport]} stream, release ${clip(record.release)}, ${record.test}`,
    banner: banner(record),
    sentence: summarySentence(record),
    notices: notices(record),
    passed: hasPassed(record),
    facts: factsOf(record),
    targets: record.targets.map(targetRow),
    findings: record.findings.map(clip),
    tests: record.tests.map((test) => testView(test, record)),
    serverCharts: serverCharts(record),
    stalls: record.stalls.kept.slice(0, MOST_ROWS).map(stallRow),
    stallsSeen: record.stalls.seen,
    instrument: instrumentRows(record),
    settings: Object.entries(record.configuration)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => ({ name, value: clip(value) })),
    // A run id is used once: it would be refused the second time.
    command: clip(record.command.replace(/ -e RUN_ID=\S+/, "")),
  };
}

/** A table of failures that is longer than this is read by nobody. */
const MOST_ROWS = 20;

function testView(test: TestRecord, record: RunRecord): TestView {
  const failed = record.failedRequests.kept.filter((request) => request.test === test.name);
  const streams = Object.values(test.outcomes).reduce((sum, count) => sum + count, 0);
  return {
    name: clip(test.name),
    anchor: `test-${test.name.replaceAll(/[^a-z0-9-]/gi, "-")}`,
    plan: test.plan.join(", "),
    group: test.group,
    sign: SIGNS[worstVerdict(test.targets)],
    withheld: test.withheld === null ? null : clip(test.withheld),
    recovery: recoveryText(test),
    targets: test.targets.map(targetRow),
    outcomes: Object.entries(test.outcomes)
      .toSorted(([, a], [, b]) => b - a)
      .map(([outcome, count]) => ({ outcome, count, share: `${((100 * count) / streams).toFixed(1)} %` })),
    durations: Object.entries({ "message latency": test.tally.latency, ...test.timings })
      .filter(([name]) => !OF_THE_INSTRUMENT.includes(name))
      .flatMap(([name, histogram]) => durationRow(name, histogram)),
    charts: testCharts(test, record),
    tables: tablesOf(record, test.name),
    worst: worstStreams(record.streams.kept, test.name),
    failedRequests: failed.slice(0, MOST_ROWS).map(requestRow),
    failedRequestsSeen: failed.length,
    calls: test.calls.map(({ call, answers, working }) => ({
      call: clip(call),
      answers: answersText(answers),
      working,
      sign: working ? "✓" : "✗",
    })),
    findings: test.findings.map(clip),
  };
}

/** Durations that tell of the measuring side: they have a section of their own. */
const OF_THE_INSTRUMENT = ["queue-delay", "generator-lag"];

/** A row for a distribution; none where it is empty. */
export function durationRow(name: string, histogram: SparseHistogram): DurationRow[] {
  const count = size(histogram);
  if (count === 0) return [];
  const [p50 = "", p95 = "", p99 = ""] = [0.5, 0.95, 0.99].map((q) => milliseconds(quantile(histogram, q)));
  return [{ name: name.replaceAll("-", " "), count, p50, p95, p99 }];
}

/** What the measuring side itself added. */
export function instrumentRows({ instrument }: Pick<RunRecord, "instrument">): DurationRow[] {
  return [
    ...durationRow("wait of a message between socket and account", instrument.queueDelay),
    ...durationRow("lateness of the load generator's timers", instrument.generatorLag),
  ];
}

/** The answers to a call, e.g. "12 × 200, 1 × 500". */
export const answersText = (answers: Readonly<Record<string, number>>): string =>
  Object.entries(answers)
    .map(([status, count]) => `${count} × ${status === "0" ? "no answer" : status}`)
    .join(", ");

const requestRow = ({ at, call, status, durationMs, answer }: FailedRequest): RequestRow => ({
  when: moment(at),
  call: clip(call),
  status: status === 0 ? "no answer" : String(status),
  took: milliseconds(durationMs),
  answer: clip(answer),
});

const stallRow = ({ at, test, durationMs, status, waiting, silent }: Stall): StallRow => ({
  from: moment(at),
  until: moment(at + durationMs),
  took: lasting(durationMs),
  test: clip(test),
  status: status === 0 ? "no answer" : String(status),
  others: frozenWith(waiting, silent),
});

function frozenWith(waiting: number, silent: number | null): string {
  const requests = waiting === 0 ? [] : [`${waiting} requests waited for more than a second`];
  const streams = silent === null || silent === 0 ? [] : [`${silent} streams heard nothing`];
  return [...requests, ...streams].join(", ") || "–";
}

function factsOf(record: RunRecord): RunView["facts"] {
  const { baseUrl, version } = record.target;
  const length =
    record.endedAt === null
      ? "not ended"
      : duration(Date.parse(record.endedAt) - Date.parse(record.startedAt));
  return [
    { label: "Release", value: clip(record.release) },
    { label: "Transport", value: TRANSPORT_NAMES[record.transport] },
    { label: "Profile", value: record.profile },
    { label: "Server", value: clip(`${baseUrl}, version ${version}`) },
    { label: "Server's process", value: clip(record.target.process ?? "not seen") },
    { label: "Started", value: moment(record.startedAt) },
    { label: "Took", value: length },
    { label: "State", value: record.state },
    ...instancesText(record),
    { label: "Clock", value: clockText(record.clock) },
    { label: "k6", value: record.k6 },
    { label: "Run", value: record.runId },
  ];
}
