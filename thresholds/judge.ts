import { mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { type Judged, VERDICTS, type Verdict } from "../record/record.ts";
import type { Measure } from "./measure.ts";
import { type Evidence, meets, showTarget, TARGETS, type Target, type TargetId, target } from "./targets.ts";

/** A test whose targets are to be judged, as one instance recorded it. */
export interface TestEvidence extends Evidence {
  /** The targets that this test judges. */
  targets: readonly TargetId[];
}

export interface Judgement {
  /** One verdict a target over the whole run: the worst of its tests'. */
  targets: Judged[];
  /** The verdicts of each test, by its name. */
  tests: Record<string, Judged[]>;
}

/**
 * The one function that judges. `records` holds one list of tests for each instance of a run (one, unless the run was
 * distributed); what instances recorded of the same test is added up first. `teardown`, the report and the
 * comparison all call it.
 */
export function judge(records: readonly (readonly TestEvidence[])[]): Judgement {
  const tests: Judgement["tests"] = {};
  for (const evidence of join(records.flat())) {
    tests[evidence.test] = evidence.targets.map((id) => judgeTarget(target(id), evidence));
  }
  return { targets: overall(tests), tests };
}

function join(all: readonly TestEvidence[]): TestEvidence[] {
  const byTest = new Map<string, TestEvidence>();
  for (const evidence of all) {
    const before = byTest.get(evidence.test);
    byTest.set(evidence.test, before === undefined ? evidence : sum(before, evidence));
  }
  return [...byTest.values()];
}

const added = (a: SparseHistogram, b: SparseHistogram): SparseHistogram => {
  const both = { ...a };
  mergeInto(both, b);
  return both;
};

function sum(a: TestEvidence, b: TestEvidence): TestEvidence {
  return {
    ...a,
    counts: added(a.counts, b.counts),
    latency: added(a.latency, b.latency),
    queueDelay: added(a.queueDelay, b.queueDelay),
    generatorLag: added(a.generatorLag, b.generatorLag),
    plans: [...a.plans, ...b.plans],
    streams: [...a.streams, ...b.streams],
    samples: [...a.samples, ...b.samples],
    rates: [...a.rates, ...b.rates],
    steps: [...a.steps, ...b.steps],
  };
}

function judgeTarget(row: Target, evidence: Evidence): Judged {
  const measure = row.measure(evidence);
  const { verdict, reason } = evidence.withheld
    ? notPlayed(evidence.withheld)
    : verdictOf(row, measure, evidence);
  return {
    id: row.id,
    verdict,
    value: measure.value ?? null,
    unit: row.unit,
    target: showTarget(row),
    observations: measure.observations,
    interval: measure.interval ?? null,
    reason: reason ?? measure.note ?? "",
  };
}

const notPlayed = (reason: string): { verdict: Verdict; reason: string } => ({ verdict: "no data", reason });

function verdictOf(row: Target, measure: Measure, evidence: Evidence): { verdict: Verdict; reason?: string } {
  const { value, notMeasured, noData } = measure;
  const isAtEdge = isAtEdgeOf(row, measure);
  const isJudged = value !== undefined && notMeasured === undefined && noData === undefined;
  if (isJudged && !isAtEdge && !meets(row, value)) return { verdict: "missed" };
  const untrusted = noData ?? whatIsMissing(evidence);
  // What was seen is told all the same: a doubt about a value takes nothing of what stands beside it.
  const seen = value === undefined || !measure.note ? "" : `; ${measure.note}`;
  if (untrusted !== undefined) return { verdict: "no data", reason: `${untrusted}${seen}` };
  if (notMeasured !== undefined) return { verdict: "not measured", reason: notMeasured };
  if (value === undefined) return { verdict: "no data", reason: "expected, and nothing was seen" };
  return { verdict: isAtEdge ? "at the edge" : "met" };
}

/**
 * The counts by which a test says how many virtual users it needs and how many came to their end: the floor below
 * which what was seen is not enough to call a target met.
 */
export const USERS_EXPECTED = "users:expected";
export const USERS_FINISHED = "users:finished";

function whatIsMissing({ counts }: Evidence): string | undefined {
  const interrupted = counts["outcome:interrupted"] ?? 0;
  if (interrupted > 0) return `${interrupted} streams were broken off by the load generator`;
  const notMade = counts.notMade ?? 0;
  if (notMade > 0) return `${notMade} plans or checks were not made, because the test's time was over`;
  const [expected, finished] = [counts[USERS_EXPECTED] ?? 0, counts[USERS_FINISHED] ?? 0];
  return finished < expected ? `only ${finished} of ${expected} virtual users came to their end` : undefined;
}

/** How far from the target's limit a value may be that is called at its edge, as a share of the limit. */
const EDGE = 0.25;

/** Whether an estimate is so near to its target that its interval holds the limit. Far beyond is no edge. */
function isAtEdgeOf(row: Target, { value, interval }: Measure): boolean {
  if (interval === undefined || value === undefined) return false;
  const straddles = meets(row, interval[0]) !== meets(row, interval[1]);
  return straddles && (meets(row, value) || Math.abs(value - row.limit) <= EDGE * Math.abs(row.limit));
}

/** Verdicts from best to worst; the worst of a target's tests is the run's. */
const severity = (verdict: Verdict): number => VERDICTS.indexOf(verdict);

function overall(tests: Judgement["tests"]): Judged[] {
  const worst = new Map<string, Judged>();
  for (const [name, judgedOfTest] of Object.entries(tests)) {
    for (const judged of judgedOfTest) {
      const before = worst.get(judged.id);
      if (before === undefined || isWorse(judged, before)) {
        worst.set(judged.id, { ...judged, reason: `${name}: ${judged.reason}` });
      }
    }
  }
  return TARGETS.flatMap(({ id }) => worst.get(id) ?? []);
}

/** Worse by verdict, or further from the target at the same verdict. */
function isWorse(a: Judged, b: Judged): boolean {
  if (a.verdict !== b.verdict) return severity(a.verdict) > severity(b.verdict);
  if (a.value === null || b.value === null) return false;
  const upwards = target(a.id as TargetId).comparison.startsWith(">");
  return upwards ? a.value < b.value : a.value > b.value;
}

/** Whether the verdict makes k6 exit with 99. */
export function fails({ verdict }: Pick<Judged, "verdict">): boolean {
  return verdict === "missed" || verdict === "no data";
}
