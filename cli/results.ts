import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { BASELINES } from "../record/directory.ts";
import type { RunRecord } from "../record/record.ts";
import { parseListed } from "../reports/comparison.ts";
import type { FoundComparison, RunSummary, Unreadable } from "../reports/history.ts";
import { readRecord } from "./files.ts";

/** A run in a directory of results, without what is large in it. */
export interface FoundRun extends RunSummary {
  directory: string;
}

/** What a directory of results holds, the oldest first. */
export interface Results {
  runs: FoundRun[];
  comparisons: FoundComparison[];
  unreadable: Unreadable[];
}

/** Reads one record after the other, and of each keeps only what a list needs. What cannot be read is listed as such. */
export function readResults(out: string): Results {
  const results: Results = { runs: [], comparisons: [], unreadable: [] };
  if (!existsSync(out)) return results;
  for (const { name } of readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    if (name !== BASELINES) addDirectory(results, join(out, name), name);
  }
  results.comparisons.sort((a, b) => a.name.localeCompare(b.name));
  results.runs.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  return results;
}

function addDirectory(results: Results, directory: string, name: string): void {
  try {
    const record = readRecord(directory);
    const comparison = join(directory, "comparison.json");
    if (record !== undefined) results.runs.push(summaryOf(record, directory));
    else if (existsSync(comparison))
      results.comparisons.push({ name, comparison: parseListed(readFileSync(comparison, "utf8")) });
    else results.unreadable.push({ name, reason: "it holds neither a record nor a comparison" });
  } catch (error) {
    results.unreadable.push({ name, reason: error instanceof Error ? error.message : String(error) });
  }
}

export function summaryOf(record: RunRecord, directory: string): FoundRun {
  const { runId, test, release, transport, profile, state, startedAt, target, targets } = record;
  return {
    directory,
    folder: basename(directory),
    runId,
    test,
    release,
    transport,
    profile,
    state,
    startedAt,
    simulated: target.simulated,
    targets,
  };
}
