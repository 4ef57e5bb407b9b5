import type { Judged, RunRecord, Verdict } from "../record/record.ts";
import { fails } from "../thresholds/judge.ts";
import {
  banner,
  hasPassed,
  SIGNS,
  summarySentence,
  type TargetRow,
  TRANSPORT_NAMES,
  targetRow,
} from "./view.ts";

/** One side of a comparison at one target. */
export type Cell = Pick<TargetRow, "measured" | "verdict" | "sign" | "style" | "reason">;

export interface ComparisonRow {
  title: string;
  required: string;
  before: string;
  cells: Cell[];
}

export interface ComparisonView {
  title: string;
  banner: string;
  columns: { name: string; sentence: string; passed: boolean; report: string }[];
  overall: ComparisonRow[];
  tests: { name: string; plan: string; rows: ComparisonRow[] }[];
  /** Calls that work on one side and not on the other. */
  calls: { call: string; cells: string[] }[];
}

const ABSENT: Cell = {
  measured: "–",
  verdict: "not measured" satisfies Verdict,
  sign: SIGNS["not measured"],
  style: "not-measured",
  reason: "not part of this run",
};

/** SSE against WebSocket, or any runs side by side. `reports` are the links to the runs' own reports. */
export function compareRuns(records: readonly RunRecord[], reports: readonly string[]): ComparisonView {
  const sides = records.map((record) => TRANSPORT_NAMES[record.transport]);
  const banners = [...new Set(records.map(banner).filter((text) => text !== ""))];
  return {
    title: `${sides.join(" against ")}, profile ${records[0]?.profile ?? "–"}`,
    banner:
      banners.length > 0
        ? `SIMULATED SERVER: ${sides.map((side, i) => `${side} ${records[i]?.target.behaviour || "real"}`).join("; ")}`
        : "",
    columns: records.map((record, i) => ({
      name: sides[i] ?? "",
      sentence: summarySentence(record),
      passed: hasPassed(record),
      report: reports[i] ?? "",
    })),
    overall: rows(records.map(({ targets }) => targets)),
    tests: testNames(records).map((name) => ({
      name,
      plan:
        records
          .flatMap(({ tests }) => tests)
          .find((test) => test.name === name)
          ?.plan.join(", ") ?? "",
      rows: rows(records.map(({ tests }) => tests.find((test) => test.name === name)?.targets ?? [])),
    })),
    calls: differingCalls(records),
  };
}

const testNames = (records: readonly RunRecord[]): string[] => [
  ...new Set(records.flatMap(({ tests }) => tests.map(({ name }) => name))),
];

function rows(sides: readonly (readonly Judged[])[]): ComparisonRow[] {
  const ids = [...new Set(sides.flatMap((side) => side.map(({ id }) => id)))];
  return ids.map((id) => {
    const found = sides.map((side) => side.find((judged) => judged.id === id));
    const shown = found.map((judged) => (judged === undefined ? undefined : targetRow(judged)));
    const { title = "", required = "", before = "" } = shown.find((row) => row !== undefined) ?? {};
    return { title, required, before, cells: shown.map((row) => row ?? ABSENT) };
  });
}

function differingCalls(records: readonly RunRecord[]): ComparisonView["calls"] {
  const working = records.map(
    ({ tests }) =>
      new Map(tests.flatMap(({ calls }) => calls.map((call) => [call.call, call.working] as const))),
  );
  const all = [...new Set(working.flatMap((side) => [...side.keys()]))].sort();
  const word = (isWorking: boolean | undefined) =>
    isWorking === undefined ? "not called" : isWorking ? "✓ working" : "✗ not working";
  return all
    .map((call) => ({ call, cells: working.map((side) => word(side.get(call))) }))
    .filter(({ cells }) => new Set(cells).size > 1);
}

/** The exit code of a comparison: the candidate (the last record) decides. */
export function exitCode(records: readonly RunRecord[]): 0 | 99 {
  return records.at(-1)?.targets.some(fails) ? 99 : 0;
}
