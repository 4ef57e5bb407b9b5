import type { Judged, RunRecord, TestRecord } from "../record/record.ts";
import { hasPassed } from "./view.ts";

/** The results of a run for a program: its tests under the groups of the test plan. */
export interface RunResults {
  runId: string;
  release: string;
  transport: RunRecord["transport"];
  profile: string;
  state: RunRecord["state"];
  simulated: boolean;
  passed: boolean;
  targets: Judged[];
  results: Record<string, Record<string, Pick<TestRecord, "targets" | "outcomes" | "findings">>>;
}

/** Groups the tests of a run as the test plan groups its results. */
export function runResults(record: RunRecord): RunResults {
  const { runId, release, transport, profile, state, targets } = record;
  const results: RunResults["results"] = {};
  for (const { group, name, targets: judged, outcomes, findings } of record.tests) {
    results[group] = { ...results[group], [name]: { targets: judged, outcomes, findings } };
  }
  const { simulated } = record.target;
  return {
    runId,
    release,
    transport,
    profile,
    state,
    simulated,
    passed: hasPassed(record),
    targets,
    results,
  };
}
