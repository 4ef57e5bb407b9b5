import type { Judged, RunRecord, Verdict } from "../record/record.ts";
import { median } from "../thresholds/slope.ts";
import { show, showTarget, TARGETS, type Target } from "../thresholds/targets.ts";
import { type ChartView, chart, type Point, type SeriesSpec } from "./charts.ts";
import type { ListedComparison } from "./comparison.ts";
import { changeSentence } from "./comparison-view.ts";
import { clip, moment } from "./format.ts";
import { SIGNS, styleOf, TRANSPORT_NAMES, worstVerdict } from "./view.ts";

/** A run as a list knows it. */
export interface RunSummary
  extends Pick<
    RunRecord,
    "runId" | "test" | "release" | "transport" | "profile" | "state" | "startedAt" | "targets"
  > {
  simulated: boolean;
  /** The name of its directory among the results. */
  folder: string;
}

/** Something in a directory of results that cannot be read, and why. */
export interface Unreadable {
  name: string;
  reason: string;
}

/** The verdict over a run: its worst target's. A run that was broken off has no data, whatever it had seen. */
export function verdictOf({ state, targets }: Pick<RunSummary, "state" | "targets">): Verdict {
  const worst = worstVerdict(targets);
  return state === "complete" || worst === "missed" ? worst : "no data";
}

export interface RunRow {
  when: string;
  release: string;
  transport: string;
  profile: string;
  test: string;
  state: string;
  verdict: Verdict;
  sign: string;
  style: string;
  simulated: string;
  name: string;
  /** Its report; "" of a run that has not written one. */
  link: string;
}

export function runRow(run: RunSummary): RunRow {
  const verdict = verdictOf(run);
  return {
    when: moment(run.startedAt),
    release: clip(run.release),
    transport: TRANSPORT_NAMES[run.transport],
    profile: clip(run.profile),
    test: clip(run.test),
    state: run.state,
    verdict,
    sign: SIGNS[verdict],
    style: styleOf(verdict),
    simulated: run.simulated ? "simulated" : "real",
    name: run.runId,
    link: run.state === "running" ? "" : `${encodeURIComponent(run.folder)}/report.html`,
  };
}

/** Every target over the releases. */
export interface HistoryView {
  title: string;
  banner: string;
  runs: RunRow[];
  targets: {
    title: string;
    required: string;
    before: string;
    /** One chart or none, as the template takes it. */
    charts: ChartView[];
    head: string[];
    rows: { release: string; cells: { text: string; verdict: string; style: string }[] }[];
  }[];
  unreadable: Unreadable[];
}

/** `runs` from the oldest to the newest; `filter` says in words which they are. */
export function historyView(
  runs: readonly RunSummary[],
  unreadable: readonly Unreadable[],
  filter: string,
): HistoryView {
  const releases = [...new Set(runs.map(({ release }) => release))];
  const kinds = kindsOf(runs);
  return {
    title: `Targets over ${releases.length} ${releases.length === 1 ? "release" : "releases"}${filter}`,
    banner: runs.some(({ simulated }) => simulated) ? "Some of these runs met a SIMULATED SERVER" : "",
    runs: runs.map(runRow).reverse(),
    targets: TARGETS.filter(({ id }) =>
      runs.some(({ targets }) => targets.some((judged) => judged.id === id)),
    ).map((row) => ({
      title: row.title,
      required: showTarget(row),
      before: row.before,
      charts: historyChart(row, releases, kinds),
      head: [...kinds.keys()],
      rows: releases.map((release) => ({
        release: clip(release),
        cells: [...kinds.values()].map((ofKind) => historyCell(row, ofKind, release)),
      })),
    })),
    unreadable: unreadable.map(({ name, reason }) => ({ name: clip(name), reason: clip(reason) })),
  };
}

/** Runs by what they are told apart by, where they differ in it: transport, profile, a real server or a simulated one. */
function kindsOf(runs: readonly RunSummary[]): Map<string, RunSummary[]> {
  const traits = [
    ({ profile }: RunSummary) => profile,
    ({ simulated }: RunSummary) => (simulated ? "simulated" : "real"),
  ].filter((trait) => new Set(runs.map(trait)).size > 1);
  const kinds = new Map<string, RunSummary[]>();
  for (const run of runs) {
    const kind = [TRANSPORT_NAMES[run.transport], ...traits.map((trait) => clip(trait(run)))].join(", ");
    kinds.set(kind, [...(kinds.get(kind) ?? []), run]);
  }
  return kinds;
}

/** Every run as a dot, and a line through the medians of the releases. */
function historyChart(
  row: Target,
  releases: readonly string[],
  kinds: ReadonlyMap<string, readonly RunSummary[]>,
): ChartView[] {
  const scale = row.unit === "%" ? 100 : 1;
  const series = [...kinds].flatMap(([name, runs], style): SeriesSpec[] => {
    const values = releases.map((release) => valuesOf(row, runs, release).map((value) => value * scale));
    const dots = values.flatMap((some, x) => some.map((y): Point => [x, y]));
    const middles = values.map((some, x): Point => [x, some.length === 0 ? null : median(some)]);
    return dots.length === 0
      ? []
      : [
          { name, shape: "line", points: middles, style },
          { name, shape: "dots", points: dots, style },
        ];
  });
  const drawn = chart({
    title: row.title,
    description: `${releases.length} releases, target ${showTarget(row)}; the figures are in the table`,
    x: { label: "release", kind: "names", names: releases.map(clip) },
    y: { label: row.unit === "exponent" ? "exponent" : row.unit, include: [0] },
    series,
    limit: { value: row.limit * scale, label: `target ${showTarget(row)}` },
  });
  return drawn === undefined ? [] : [drawn];
}

const judgedOf = (row: Target, runs: readonly RunSummary[], release: string): Judged[] =>
  runs
    .filter((run) => run.release === release)
    .flatMap(({ targets }) => targets.filter(({ id }) => id === row.id));

const valuesOf = (row: Target, runs: readonly RunSummary[], release: string): number[] =>
  judgedOf(row, runs, release).flatMap(({ value }) => (value === null ? [] : [value]));

function historyCell(row: Target, runs: readonly RunSummary[], release: string) {
  const judged = judgedOf(row, runs, release);
  const values = valuesOf(row, runs, release);
  if (judged.length === 0) return { text: "–", verdict: "", style: "" };
  const verdict = worstVerdict(judged);
  const text = values.length === 0 ? "–" : show(row, median(values));
  const runsText = judged.length === 1 ? "1 run" : `median of ${judged.length} runs`;
  return { text: `${text} (${runsText})`, verdict: `${SIGNS[verdict]} ${verdict}`, style: styleOf(verdict) };
}

/** A comparison in a directory of results. */
export interface FoundComparison {
  name: string;
  comparison: ListedComparison;
}

/** All reports in a directory of results. */
export interface IndexView {
  title: string;
  comparisons: { name: string; link: string; sentences: string[] }[];
  runs: RunRow[];
  unreadable: Unreadable[];
}

export function indexView(
  runs: readonly RunSummary[],
  comparisons: readonly FoundComparison[],
  unreadable: readonly Unreadable[],
): IndexView {
  return {
    title: "Reports",
    comparisons: comparisons.toReversed().map(({ name, comparison }) => ({
      name,
      link: `${encodeURIComponent(name)}/report.html`,
      sentences: comparison.candidates.map(changeSentence),
    })),
    runs: runs.map(runRow).reverse(),
    unreadable: unreadable.map(({ name, reason }) => ({ name: clip(name), reason: clip(reason) })),
  };
}
