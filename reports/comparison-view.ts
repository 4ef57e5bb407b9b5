import { bucketStart, quantile, type SparseHistogram, size } from "../record/histogram.ts";
import type { Judged, RunRecord, TestRecord } from "../record/record.ts";
import type { Change, ChangeWord } from "../thresholds/compare.ts";
import {
  show,
  showDifference,
  showTarget,
  showTolerance,
  TARGETS,
  type Target,
  type TargetId,
  target,
} from "../thresholds/targets.ts";
import { type ChartView, chart, type Point, type SeriesSpec } from "./charts.ts";
import {
  type Calibration,
  type Candidate,
  type Comparison,
  isWorse,
  joined,
  type ListedCandidate,
  latencyOf,
  type SideOfRuns,
} from "./comparison.ts";
import { clip, duration, milliseconds, moment } from "./format.ts";
import {
  hasPassed,
  SIGNS,
  styleOf,
  summarySentence,
  type TargetRow,
  targetRow,
  worstVerdict,
} from "./view.ts";

/** What became of a target, with its sign, so that colour never stands alone. */
export const WORD_SIGNS: Record<ChangeWord, string> = {
  better: "▲",
  worse: "▼",
  same: "=",
  "not enough": "…",
};

/** One side at one target, as its run judged it. */
export type Cell = Pick<TargetRow, "measured" | "verdict" | "sign" | "style" | "reason">;

/** A side against the first at one target. */
export interface ChangeCell {
  word: ChangeWord;
  sign: string;
  style: string;
  /** The values that were compared, e.g. "97.1 % → 100 %". */
  values: string;
  difference: string;
  reason: string;
}

/** A target as each side met it. */
export interface SidesRow extends Pick<TargetRow, "title" | "required" | "before"> {
  cells: Cell[];
}

/** The same, with what changed from the first side to each of the others. */
export interface ComparisonRow extends Omit<SidesRow, "cells"> {
  tolerance: string;
  first: Cell;
  others: { cell: Cell; change: ChangeCell | null }[];
}

/** How the figures of one row belong together: without it, 58 % beside a change from 83 % is a riddle. */
const READING =
  "A side's value and verdict are those of its worst test. What changed is measured over all tests that both sides ran.";

export interface ComparisonView {
  title: string;
  banner: string;
  /** One sentence a candidate: what got better, what got worse. */
  sentences: { text: string; style: "passed" | "failed" }[];
  notes: string[];
  sides: { sentence: string; passed: boolean; runs: { name: string; link: string }[] }[];
  firstName: string;
  otherNames: string[];
  rows: ComparisonRow[];
  /** How to read the rows. */
  reading: string;
  charts: ChartView[];
  calls: { call: string; side: string; word: string; sign: string; style: string }[];
  instrument: { name: string; wait: string[]; late: string; calibration: string[] }[];
  tests: {
    name: string;
    plan: string;
    names: string[];
    rows: SidesRow[];
    outcomes: { outcome: string; counts: number[] }[];
  }[];
}

export function comparisonView(comparison: Comparison, sides: readonly SideOfRuns[]): ComparisonView {
  const names = comparison.sides.map(({ name }) => clip(name));
  const [firstName = "", ...otherNames] = names;
  const [first] = comparison.sides;
  return {
    title: `${otherNames.join(" and ")} against ${firstName}, ${traitsOf(first)}`,
    banner: bannerOf(sides, names),
    sentences: comparison.candidates.map((candidate) => ({
      text: changeSentence(candidate),
      style: isWorse(candidate) ? "failed" : "passed",
    })),
    notes: comparison.notes.map(clip),
    sides: sides.map(({ records, reports }, i) => ({
      sentence: sideSentence(names[i] ?? "", records),
      passed: records.every(hasPassed),
      runs: records.map((record, run) => ({ name: runName(record), link: reports[run] ?? "" })),
    })),
    firstName,
    otherNames,
    rows: targetRows(comparison, sides),
    reading: READING,
    charts: latencyCharts(sides, names),
    calls: comparison.candidates.flatMap(callRows),
    instrument: sides.map(({ records, calibration }, i) =>
      instrumentRow(names[i] ?? "", records, calibration),
    ),
    tests: testNames(sides).map((name) => testOf(name, sides, names)),
  };
}

/** What the sides have in common, for the title. */
const traitsOf = (side: Comparison["sides"][number] | undefined): string =>
  side === undefined ? "" : clip(`profile ${side.profiles.join(" and ")}`);

function bannerOf(sides: readonly SideOfRuns[], names: readonly string[]): string {
  const behaviours = sides.map(({ records }) =>
    [...new Set(records.map(({ target }) => (target.simulated ? clip(target.behaviour) : "real")))].join(
      " and ",
    ),
  );
  const isSimulated = sides.some(({ records }) => records.some(({ target }) => target.simulated));
  return isSimulated
    ? `SIMULATED SERVER: ${names.map((name, i) => `${name} ${behaviours[i]}`).join("; ")}`
    : "";
}

/** The first thing that is read: what got worse, what got better, and how much cannot be told. */
export function changeSentence({ name, against, changes, calls }: ListedCandidate): string {
  const titles = (word: ChangeWord) =>
    changes.filter((change) => change.word === word).map(({ id }) => titleOf(id));
  const part = (word: ChangeWord) => {
    const found = titles(word);
    return found.length === 0 ? `nothing ${word}` : `${found.length} ${word} (${found.join("; ")})`;
  };
  const count = calls.lost.length;
  const lost = count > 0 ? `, ${count} ${count === 1 ? "call" : "calls"} lost` : "";
  const rest = `${titles("same").length} the same; ${titles("not enough").length} cannot be told yet`;
  return `${clip(name)} against ${clip(against)}: ${part("worse")}${lost}, ${part("better")}, ${rest}.`;
}

const titleOf = (id: string): string => TARGETS.find((row) => row.id === id)?.title ?? id;

function sideSentence(name: string, records: readonly RunRecord[]): string {
  const [only] = records;
  if (only !== undefined && records.length === 1) return summarySentence(only);
  const passed = records.filter(hasPassed).length;
  return `${name}: ${passed} of ${records.length} runs missed no target.`;
}

const runName = ({ runId, startedAt, endedAt }: RunRecord): string => {
  const length = endedAt === null ? "" : `, ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`;
  return `${runId} (${moment(startedAt)}${length})`;
};

/** The verdicts of each run of a side. */
type Verdicts = readonly (readonly Judged[])[];

function targetRows({ candidates }: Comparison, sides: readonly SideOfRuns[]): ComparisonRow[] {
  const verdicts = sides.map(({ records }) => records.map(({ targets }) => targets));
  return targetsOf(verdicts).map((row) => {
    const { cells, ...told } = sidesRow(row, verdicts);
    const [first = ABSENT, ...others] = cells;
    const changes = candidates.map((candidate) => candidate.changes.find(({ id }) => id === row.id));
    return {
      ...told,
      first,
      tolerance: showTolerance(row),
      others: others.map((cell, i) => ({ cell, change: changeCell(changes[i]) })),
    };
  });
}

/** The targets that any run of any side has judged. */
function targetsOf(sides: readonly Verdicts[]): (Target & { id: TargetId })[] {
  const seen = new Set(sides.flat(2).map(({ id }) => id));
  return TARGETS.filter(({ id }) => seen.has(id));
}

function sidesRow(row: Target, sides: readonly Verdicts[]): SidesRow {
  return {
    title: row.title,
    required: showTarget(row),
    before: row.before,
    cells: sides.map((runs) => cellOf(runs.map((targets) => targets.find(({ id }) => id === row.id)))),
  };
}

const ABSENT: Cell = {
  measured: "–",
  verdict: "not measured",
  sign: SIGNS["not measured"],
  style: styleOf("not measured"),
  reason: "not part of this run",
};

/** One run as it was judged; of several the median, and the worst verdict. */
function cellOf(found: readonly (Judged | undefined)[]): Cell {
  const judged = found.filter((one) => one !== undefined).toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0));
  const median = judged[Math.floor((judged.length - 1) / 2)];
  if (median === undefined) return ABSENT;
  const row = targetRow(median);
  if (found.length === 1) return row;
  const verdict = worstVerdict(judged);
  const met = judged.filter((one) => one.verdict === "met").length;
  const reason = `median of ${judged.length} runs; met in ${met}`;
  return { measured: row.measured, verdict, sign: SIGNS[verdict], style: styleOf(verdict), reason };
}

function changeCell(change: Change | undefined): ChangeCell | null {
  if (change === undefined) return null;
  const row = target(change.id);
  const { before, after, word, reason } = change;
  return {
    word,
    sign: WORD_SIGNS[word],
    style: styleOf(word),
    values: `${show(row, before)} → ${show(row, after)}`,
    difference: before === null || after === null ? "–" : showDifference(row, after - before),
    reason: clip(reason),
  };
}

function callRows({ name, calls }: Candidate): ComparisonView["calls"] {
  const row = (call: string, word: string, sign: string, style: string) => ({
    call: clip(call),
    side: clip(name),
    word,
    sign,
    style,
  });
  return [
    ...calls.lost.map((call) => row(call, "lost", WORD_SIGNS.worse, "worse")),
    ...calls.new.map((call) => row(call, "new", WORD_SIGNS.better, "better")),
  ];
}

function instrumentRow(name: string, records: readonly RunRecord[], calibration: Calibration | null) {
  const wait = joined(records.map(({ instrument }) => instrument.queueDelay));
  const late = joined(records.map(({ instrument }) => instrument.generatorLag));
  return {
    name,
    wait: [0.5, 0.95, 0.99].map((q) => milliseconds(quantile(wait, q))),
    late: milliseconds(quantile(late, 0.95)),
    calibration: [milliseconds(calibration?.p50), milliseconds(calibration?.p95)],
  };
}

const testNames = (sides: readonly SideOfRuns[]): string[] => [
  ...new Set(sides.flatMap(({ records }) => records.flatMap(({ tests }) => tests.map(({ name }) => name)))),
];

function testOf(
  name: string,
  sides: readonly SideOfRuns[],
  names: string[],
): ComparisonView["tests"][number] {
  const tests = sides.map(({ records }) => testsNamed(name, records));
  const verdicts = tests.map((side) => side.map(({ targets }) => targets));
  const outcomes = [...new Set(tests.flat().flatMap((test) => Object.keys(test.outcomes)))].sort();
  return {
    name: clip(name),
    plan: tests.flat()[0]?.plan.join(", ") ?? "",
    names,
    rows: targetsOf(verdicts).map((row) => sidesRow(row, verdicts)),
    outcomes: outcomes.map((outcome) => ({
      outcome,
      counts: tests.map((side) => side.reduce((sum, test) => sum + (test.outcomes[outcome] ?? 0), 0)),
    })),
  };
}

const testsNamed = (name: string, records: readonly RunRecord[]): TestRecord[] =>
  records.flatMap(({ tests }) => tests.filter((test) => test.name === name));

/** Which share of the messages came within which time, side by side: over all tests, and in each. */
function latencyCharts(sides: readonly SideOfRuns[], names: readonly string[]): ChartView[] {
  const overall = sides.map(({ records }) => latencyOf(records));
  const within = (name: string) =>
    sides.map(({ records }) => joined(testsNamed(name, records).map(({ tally }) => tally.latency)));
  const tests = testNames(sides);
  const charts = [
    latencyChart("all tests", overall, names),
    ...(tests.length > 1 ? tests.map((name) => latencyChart(name, within(name), names)) : []),
  ];
  return charts.filter((one) => one !== undefined);
}

function latencyChart(
  title: string,
  sides: readonly SparseHistogram[],
  names: readonly string[],
): ChartView | undefined {
  const series = sides.map((histogram, i): SeriesSpec & { p95: string } => ({
    name: names[i] ?? "",
    shape: "steps",
    points: shares(histogram),
    p95: milliseconds(quantile(histogram, 0.95)),
  }));
  const { limit } = target("message-latency");
  return chart({
    title,
    description: series.map(({ name, p95 }) => `${name}: 95 % within ${p95}`).join("; "),
    x: { label: "milliseconds", kind: "log", include: [limit] },
    y: { label: "% of messages within", include: [0, 100] },
    series,
    marks: [{ x: limit, label: `target ${limit} ms` }],
  });
}

function shares(histogram: SparseHistogram): Point[] {
  const all = size(histogram);
  let sum = 0;
  return Object.entries(histogram).map(([bucket, count]): Point => {
    sum += count;
    return [bucketStart(Number(bucket) + 1), (100 * sum) / all];
  });
}
