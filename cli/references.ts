import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { readBaseline } from "./baselines.ts";
import { readRecord } from "./files.ts";
import { type FoundRun, type Results, readResults, summaryOf } from "./results.ts";

/** What of the runs behind a name is wanted. */
export interface Wanted {
  transport?: string;
  profile?: string;
}

/**
 * The runs that a name stands for: a record or a directory, `latest` or `previous`, a baseline, a run, a release.
 * @throws Error with one sentence where it stands for none
 */
export function runsOf(reference: string, out: string, results: Results): FoundRun[] {
  const runs = existsSync(reference) ? runsAt(reference) : runsNamed(reference, out, results);
  if (runs.length > 0) return runs;
  throw new Error(
    `"${reference}" is no record, directory, baseline, run or release with a complete run in ${out}, nor latest or previous: npm run history lists what there is`,
  );
}

function runsAt(path: string): FoundRun[] {
  if (!statSync(path).isDirectory()) return runBeside(path);
  const record = readRecord(path);
  return record === undefined ? readResults(path).runs.filter(isComplete) : [summaryOf(record, path)];
}

/** The run whose record or report a file is; another file stands for none. */
function runBeside(file: string): FoundRun[] {
  if (!["run.json", "report.html"].includes(basename(file))) return [];
  const directory = dirname(file);
  const record = readRecord(directory);
  return record === undefined ? [] : [summaryOf(record, directory)];
}

const isComplete = ({ state }: FoundRun): boolean => state === "complete";

function runsNamed(reference: string, out: string, { runs }: Results): FoundRun[] {
  const complete = runs.filter(isComplete);
  const latest = complete.at(-1);
  if (reference === "latest") return latest === undefined ? [] : [latest];
  if (reference === "previous") {
    const before = complete.filter(
      (run) => run !== latest && latest !== undefined && kindOf(run) === kindOf(latest),
    );
    return before.slice(-1);
  }
  const baseline = readBaseline(out, reference);
  if (baseline !== undefined) return baseline.runs.map((run) => ofBaseline(join(out, run), reference));
  const byId = runs.filter(({ runId }) => runId === reference);
  return byId.length > 0 ? byId : complete.filter(({ release }) => release === reference);
}

function ofBaseline(directory: string, name: string): FoundRun {
  const record = readRecord(directory);
  if (record !== undefined) return summaryOf(record, directory);
  throw new Error(`the baseline ${name} names ${basename(directory)}, which is gone: save the baseline anew`);
}

/** Runs of one kind can be held against each other: the same script over the same transport in the same profile. */
const kindOf = ({ test, transport, profile }: FoundRun): string =>
  `${test} over ${TRANSPORT_NAMES[transport]}, profile ${profile}`;

/**
 * Leaves on each side the runs of one kind. Where each side has one, those are compared, alike or not: that is SSE
 * against WebSocket. Where a side has several, it is the kind that all sides share.
 * @throws Error with one sentence where there is no such kind, or more than one
 */
export function ofOneKind(sides: readonly FoundRun[][], wanted: Wanted): FoundRun[][] {
  const chosen = sides.map((runs) =>
    runs.filter(
      ({ transport, profile }) =>
        transport === (wanted.transport ?? transport) && profile === (wanted.profile ?? profile),
    ),
  );
  const kinds = chosen.map((runs) => [...new Set(runs.map(kindOf))]);
  if (kinds.every(({ length }) => length === 1)) return chosen;
  const [first = [], ...others] = kinds;
  const shared = first.filter((kind) => others.every((side) => side.includes(kind)));
  if (shared.length === 1) return chosen.map((runs) => runs.filter((run) => shared.includes(kindOf(run))));
  const found = shared.length === 0 ? "none" : shared.join("; ");
  throw new Error(
    `the sides have to have runs of one kind in common, and have: ${found}: choose with --transport and --profile`,
  );
}
