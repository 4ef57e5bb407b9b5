import { mergeInto, quantile, type SparseHistogram, size } from "../record/histogram.ts";
import {
  type Judged,
  NOT_CREATED,
  type PlanReport,
  type RunRecord,
  type TestRecord,
} from "../record/record.ts";
import { spreadOfDifference } from "./bootstrap.ts";
import { type Flawed, fisher, rankSum, type Stratum, smallestP } from "./exact.ts";
import type { Measure } from "./measure.ts";
import {
  type Evidence,
  LONGEST_WAIT_MS,
  meets,
  NO_EVIDENCE,
  showDifference,
  TARGETS,
  type Target,
  type TargetId,
} from "./targets.ts";

/** What became of a target from one side of a comparison to the other. */
export const CHANGE_WORDS = ["worse", "better", "not enough", "same"] as const;
export type ChangeWord = (typeof CHANGE_WORDS)[number];

export interface Change {
  id: TargetId;
  word: ChangeWord;
  /** The target's value on each side, over the tests that both ran, in its unit; null where a side has none. */
  before: number | null;
  after: number | null;
  /** 95 % interval of the difference, where it is an estimate. */
  interval: [number, number] | null;
  /** How likely so uneven a result is, were both sides alike; null where no test was made. */
  p: number | null;
  /** What the word rests on. */
  reason: string;
}

/** The runs of one side: one, or several of the same kind. */
export type Side = readonly RunRecord[];

/** What is rarer than this by chance is more than noise. */
const RARE = 0.05;
/** A target with one value a run makes no claim with fewer runs a side: three against three are never rarer than 0.1. */
export const FEWEST_RUNS = 4;

/** Compares two sides target by target, over what both judged. */
export function compareSides(before: Side, after: Side): Change[] {
  const judged = (side: Side) => new Set(side.flatMap(({ targets }) => targets.map(({ id }) => id)));
  const [ofBefore, ofAfter] = [judged(before), judged(after)];
  return TARGETS.filter(({ id }) => ofBefore.has(id) && ofAfter.has(id)).map((row) =>
    row.comparedBy === "run" ? compareByRuns(row, before, after) : compareByUnits(row, before, after),
  );
}

type Finding = Omit<Change, "id">;

function compareByRuns(row: Target & { id: TargetId }, before: Side, after: Side): Change {
  const [old, young] = [valuesOf(row, before), valuesOf(row, after)];
  const values = { before: middle(old), after: middle(young) };
  const finding = { id: row.id, interval: null, ...values };
  if (old.length === 0 || young.length === 0)
    return { ...finding, p: null, ...notEnough("no value on a side") };
  if (Math.min(old.length, young.length) < FEWEST_RUNS) {
    const reason = `a run has one value: no claim under ${FEWEST_RUNS} runs a side (${old.length} and ${young.length})`;
    return { ...finding, p: null, ...notEnough(reason) };
  }
  const p = rankSum(old, young);
  const reason = `medians of ${old.length} and ${young.length} runs, ${showP(p)}`;
  return { ...finding, p, ...wordOf(row, values, p < RARE, reason) };
}

function valuesOf({ id }: Target, side: Side): number[] {
  const judged = side.flatMap(({ targets }) => targets.filter((one) => one.id === id));
  return judged.filter(isMeasured).map(({ value }) => value);
}

const isMeasured = (judged: Judged): judged is Judged & { value: number } =>
  judged.value !== null && judged.verdict !== "no data" && judged.verdict !== "not measured";

function middle(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

function compareByUnits(row: Target & { id: TargetId }, before: Side, after: Side): Change {
  const tests = commonTests(row.id, before, after);
  const nothing = { id: row.id, before: null, after: null, interval: null, p: null };
  if (tests.length === 0) return { ...nothing, ...notEnough("no test has data for it on both sides") };
  const [old, young] = [evidenceOf(before, tests), evidenceOf(after, tests)];
  const measures = [row.measure(old), row.measure(young)] as const;
  const values = {
    before: aRun(row, measures[0], before),
    after: aRun(row, measures[1], after),
  };
  const untold = untoldBy(measures.map((measure, side) => untoldOf(row, measure, side === 0 ? old : young)));
  const finding = { id: row.id, interval: null, p: null, ...values };
  if (untold !== undefined) return { ...finding, ...notEnough(untold) };
  const compared =
    row.comparedBy === "latency"
      ? byLatency(row, values, before, after, tests)
      : byFlaws(row, values, before, after, tests);
  return { ...finding, ...compared };
}

/** A count grows with the number of runs: per run, sides of unequal numbers can be compared. */
function aRun({ unit }: Target, { value }: Measure, side: Side): number | null {
  if (value === undefined) return null;
  return unit === "" ? value / side.length : value;
}

/** Why a side has nothing to compare; undefined where it has. A latency that is met may still be the generator's own. */
function untoldOf(
  row: Target,
  { value, noData, notMeasured }: Measure,
  evidence: Evidence,
): string | undefined {
  const late = row.comparedBy === "latency" ? (quantile(evidence.generatorLag, 0.95) ?? 0) : 0;
  if (late > LONGEST_WAIT_MS) return `the load generator's own timers came ${late.toFixed(1)} ms late`;
  return noData ?? notMeasured ?? (value === undefined ? "nothing was seen" : undefined);
}

function untoldBy(reasons: readonly (string | undefined)[]): string | undefined {
  const side = reasons.findIndex((reason) => reason !== undefined);
  return side < 0 ? undefined : `${["the first side", "the second side"][side]}: ${reasons[side]}`;
}

/** The tests in which both sides have data for the target: what one side alone tells compares with nothing. */
function commonTests(id: TargetId, before: Side, after: Side): string[] {
  const tells = (test: TestRecord) =>
    test.targets.some((judged) => judged.id === id && judged.verdict !== "no data");
  const namesOf = (side: Side) => side.flatMap(({ tests }) => tests.filter(tells).map(({ name }) => name));
  const others = new Set(namesOf(after));
  return [...new Set(namesOf(before))].filter((name) => others.has(name));
}

/** What a side knows of these tests together. */
function evidenceOf(side: Side, tests: readonly string[]): Evidence {
  const counts: Record<string, number> = {};
  const latency: SparseHistogram = {};
  const queueDelay: SparseHistogram = {};
  const generatorLag: SparseHistogram = {};
  for (const { name, tally, timings } of side.flatMap((run) => run.tests)) {
    if (!tests.includes(name)) continue;
    mergeInto(counts, tally.counts);
    mergeInto(latency, tally.latency);
    mergeInto(queueDelay, timings["queue-delay"] ?? {});
    mergeInto(generatorLag, timings["generator-lag"] ?? {});
  }
  return { ...NO_EVIDENCE, counts, latency, queueDelay, generatorLag };
}

type Values = Pick<Change, "before" | "after">;

function byLatency(
  row: Target,
  values: Values,
  before: Side,
  after: Side,
  tests: readonly string[],
): Partial<Finding> & Pick<Finding, "word" | "reason"> {
  const plans = tests.map((test) => [latenciesOf(before, test), latenciesOf(after, test)] as const);
  const interval = spreadOfDifference(plans, (latency) => row.measure({ ...NO_EVIDENCE, latency }).value);
  if (interval === undefined) return notEnough("an estimate needs two plans a side");
  const [low, high] = interval;
  const reason = `difference ${showDifference(row, low)} to ${showDifference(row, high)} (95\u00a0%, resampled by plan)`;
  // Of two or three plans a side the interval is too narrow: they lie apart by chance more often than rarely.
  const isTooFew = smallestP(plans.map(([old, young]): Stratum => [allOf(old), allOf(young)])) > RARE;
  if (isTooFew) return { interval, ...wordOf(row, values, false, `${reason}, of too few plans`) };
  return { interval, ...wordOf(row, values, low > 0 || high < 0, reason) };
}

const allOf = ({ length }: readonly unknown[]): Flawed => ({ flawed: length, of: length });

/** The latency of each of a test's plans that had messages. */
const latenciesOf = (side: Side, test: string): SparseHistogram[] =>
  plansOf(side, test)
    .map(({ latency }) => latency)
    .filter((latency) => size(latency) > 0);

function byFlaws(
  row: Target,
  values: Values,
  before: Side,
  after: Side,
  tests: readonly string[],
): Partial<Finding> & Pick<Finding, "word" | "reason"> {
  const strata = tests.map((test): Stratum => [flawsOf(row, before, test), flawsOf(row, after, test)]);
  const [old, young] = [sumOf(strata.map(([side]) => side)), sumOf(strata.map(([, side]) => side))];
  const noun = row.comparedBy === "plan" ? "plans" : "windows of time";
  const counted = `${noun} short of the target: ${old.flawed} of ${old.of}, then ${young.flawed} of ${young.of}`;
  if (smallestP(strata) > RARE)
    return notEnough(`${counted}: too few for any difference to be more than chance`);
  const p = fisher(strata);
  const isOpposed = (old.flawed / old.of - young.flawed / young.of) * gain(row, values) < 0;
  const word = wordOf(row, values, p < RARE && !isOpposed, `${counted}, ${showP(p)}`);
  if (word.word !== "not enough" || !isOpposed || p >= RARE) return { p, ...word };
  return { p, ...notEnough(`${counted}, ${showP(p)}: ${noun} and value changed in opposite directions`) };
}

/** How many plans, or windows, of a test would not meet the target by themselves. */
function flawsOf(row: Target, side: Side, test: string): Flawed {
  const units = row.comparedBy === "plan" ? plansOf(side, test) : windowsOf(side, test);
  const values = units
    .map(({ counts }) => row.measure({ ...NO_EVIDENCE, counts }).value)
    .filter((value) => value !== undefined);
  return { flawed: values.filter((value) => !meets(row, value)).length, of: values.length };
}

const windowsOf = (side: Side, test: string) => side.flatMap(({ windows }) => windows[test]?.items ?? []);

/** The plans of a test; one that had several audiences is one plan. */
function plansOf(side: Side, test: string): Pick<PlanReport, "counts" | "latency">[] {
  const plans = new Map<string, Pick<PlanReport, "counts" | "latency">>();
  side.forEach(({ plans: { kept } }, run) => {
    kept.forEach((report, i) => {
      if (report.test !== test) return;
      const key = `${run} ${report.plan === NOT_CREATED ? i : report.plan}`;
      const plan = plans.get(key) ?? { counts: {}, latency: {} };
      mergeInto(plan.counts, report.counts);
      mergeInto(plan.latency, report.latency);
      plans.set(key, plan);
    });
  });
  return [...plans.values()];
}

const sumOf = (parts: readonly Flawed[]): Flawed => ({
  flawed: parts.reduce((sum, { flawed }) => sum + flawed, 0),
  of: parts.reduce((sum, { of }) => sum + of, 0),
});

/** By how much the second side is nearer to what is wanted than the first; below 0 where it is further. */
function gain({ comparison }: Target, { before, after }: Values): number {
  const more = (after ?? 0) - (before ?? 0);
  return comparison.startsWith(">") ? more : -more;
}

function wordOf(row: Target, values: Values, isMoreThanNoise: boolean, reason: string) {
  const gained = gain(row, values);
  if (Math.abs(gained) <= row.tolerance * (1 + 1e-9)) return { word: "same" as const, reason };
  if (isMoreThanNoise) return { word: gained > 0 ? ("better" as const) : ("worse" as const), reason };
  return notEnough(`${reason}: it may be chance`);
}

const notEnough = (reason: string) => ({ word: "not enough" as const, reason });

const showP = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toPrecision(2)}`);
