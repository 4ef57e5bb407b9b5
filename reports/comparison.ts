import * as v from "valibot";
import { mergeInto, quantile, type SparseHistogram, size } from "../record/histogram.ts";
import type { RunRecord, Transport } from "../record/record.ts";
import { CHANGE_WORDS, type Change, compareSides } from "../thresholds/compare.ts";
import { hasPassed, TRANSPORT_NAMES } from "./view.ts";

/** What is compared: the runs of one release, transport or baseline, and where their own reports are. */
export interface SideOfRuns {
  /** What the user called it. */
  label: string;
  records: readonly RunRecord[];
  /** A link to each run's report. */
  reports: readonly string[];
  /** What the instrument and a healthy simulated server of its own gave just before; null where it was not measured. */
  calibration: Calibration | null;
}

/** Latency of messages, in milliseconds. */
export interface Calibration {
  p50: number;
  p95: number;
}

/** The calls of the API that one side had and the other had not. */
export interface CallChanges {
  lost: string[];
  new: string[];
}

/** A side against the first one. */
export interface Candidate {
  name: string;
  against: string;
  changes: Change[];
  calls: CallChanges;
}

/** Two or more sides compared: the first is what the others are held against. This is comparison.json. */
export interface Comparison {
  sides: {
    name: string;
    runs: string[];
    releases: string[];
    transports: Transport[];
    profiles: string[];
    simulated: boolean;
    passed: boolean;
    calibration: Calibration | null;
  }[];
  candidates: Candidate[];
  /** What makes the sides less alike than they should be. */
  notes: string[];
}

/** What a list of comparisons needs of a comparison.json. */
const listedSchema = v.object({
  candidates: v.array(
    v.object({
      name: v.string(),
      against: v.string(),
      changes: v.array(v.object({ id: v.string(), word: v.picklist(CHANGE_WORDS) })),
      calls: v.object({ lost: v.array(v.string()) }),
    }),
  ),
});
export type ListedComparison = v.InferOutput<typeof listedSchema>;
export type ListedCandidate = ListedComparison["candidates"][number];

/** Reads a comparison.json, as far as a list needs it. Throws one sentence where it is none. */
export function parseListed(text: string): ListedComparison {
  try {
    return v.parse(listedSchema, JSON.parse(text));
  } catch {
    throw new Error("its comparison.json is not a comparison of this release of the suite");
  }
}

export function compareRuns(sides: readonly SideOfRuns[]): Comparison {
  const names = namesOf(sides);
  const [first, ...others] = sides;
  return {
    sides: sides.map(({ records, calibration }, i) => ({
      name: names[i] ?? "",
      runs: records.map(({ runId }) => runId),
      releases: distinct(records, ({ release }) => release),
      transports: distinct(records, ({ transport }) => transport),
      profiles: distinct(records, ({ profile }) => profile),
      simulated: records.some(({ target }) => target.simulated),
      passed: records.every(hasPassed),
      calibration,
    })),
    candidates: others.map(({ records }, i) => ({
      name: names[i + 1] ?? "",
      against: names[0] ?? "",
      changes: compareSides(first?.records ?? [], records),
      calls: callChanges(first?.records ?? [], records),
    })),
    notes: notesOf(sides, names),
  };
}

/** Whether a side is worse than the first: at a target beyond its tolerance, or by a call that is lost. */
export const isWorse = ({ changes, calls }: ListedCandidate): boolean =>
  calls.lost.length > 0 || changes.some(({ word }) => word === "worse");

function distinct<T>(records: readonly RunRecord[], read: (record: RunRecord) => T): T[] {
  return [...new Set(records.map(read))];
}

/** A side is called by what it differs in; where they differ in nothing, by what the user called it. */
function namesOf(sides: readonly SideOfRuns[]): string[] {
  const traits = [
    ({ transport }: RunRecord) => TRANSPORT_NAMES[transport],
    ({ release }: RunRecord) => release,
    ({ profile }: RunRecord) => profile,
  ];
  const told = traits
    .map((trait) => sides.map(({ records }) => distinct(records, trait).join(" and ")))
    .filter((values) => new Set(values).size > 1);
  const names = sides.map((_, side) => told.map((values) => values[side]).join(", "));
  return new Set(names).size === sides.length ? names : sides.map(({ label }) => label);
}

function notesOf(sides: readonly SideOfRuns[], names: readonly string[]): string[] {
  const told = (what: string, read: (record: RunRecord) => string): string[] => {
    const values = sides.map(({ records }) => distinct(records, read).join(" and "));
    if (new Set(values).size === 1) return [];
    return [`${what}: ${values.map((value, i) => `${names[i]} ${value}`).join(", ")}`];
  };
  const incomplete = sides
    .flatMap(({ records }) => records)
    .filter(({ state }) => state !== "complete")
    .map(({ runId, state }) => `Run ${runId} did not come to its end (${state}).`);
  return [
    ...told("The profiles differ, and with them the load", ({ profile }) => profile),
    ...told("The tests differ; only those that both sides ran are compared", testsOf),
    ...incomplete,
  ];
}

const testsOf = ({ tests }: RunRecord): string => tests.map(({ name }) => name).join(" + ");

/** What became of calls that one side is known to have, and the other is known not to have. */
function callChanges(before: readonly RunRecord[], after: readonly RunRecord[]): CallChanges {
  const [old, young] = [callsOf(before), callsOf(after)];
  const calls = [...old.keys()].sort();
  return {
    lost: calls.filter((call) => old.get(call) === "there" && young.get(call) === "absent"),
    new: calls.filter((call) => old.get(call) === "absent" && young.get(call) === "there"),
  };
}

/**
 * The calls that a side is known to have, answered 200 at least once, and those that it is known not to have: answered, and
 * never otherwise than that it is not there. What got no answer, or an error, says nothing.
 */
function callsOf(records: readonly RunRecord[]): Map<string, "there" | "absent"> {
  const answers = new Map<string, Set<number>>();
  for (const { call, answers: found } of records.flatMap(({ tests }) =>
    tests.flatMap((test) => test.calls),
  )) {
    const known = answers.get(call) ?? new Set();
    for (const status of Object.keys(found)) known.add(Number(status));
    answers.set(call, known);
  }
  const calls = new Map<string, "there" | "absent">();
  for (const [call, statuses] of answers) {
    if (statuses.has(200)) calls.set(call, "there");
    else if (statuses.size > 0 && [...statuses].every((status) => ABSENT.includes(status))) {
      calls.set(call, "absent");
    }
  }
  return calls;
}

/** The statuses that say that something is not there. */
const ABSENT = [404, 405, 410];

/** The latency over the whole of some runs. */
export function latencyOf(records: readonly RunRecord[]): SparseHistogram {
  return joined(records.map(({ histograms }) => histograms.latency));
}

/** Several histograms in one. */
export function joined(histograms: readonly SparseHistogram[]): SparseHistogram {
  const all: SparseHistogram = {};
  for (const histogram of histograms) mergeInto(all, histogram);
  return all;
}

/** What a run against a healthy server of its own tells of the instrument; null where it received nothing. */
export function calibrationOf(record: RunRecord): Calibration | null {
  const latency = latencyOf([record]);
  const [p50, p95] = [quantile(latency, 0.5), quantile(latency, 0.95)];
  return size(latency) === 0 || p50 === undefined || p95 === undefined ? null : { p50, p95 };
}
