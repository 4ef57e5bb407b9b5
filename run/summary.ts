import * as v from "valibot";
import { recorder } from "../client/extension.ts";
import { type Snapshot, snapshotSchema } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runTable } from "../reports/terminal.ts";
import { makeRecord } from "./assemble.ts";
import type { RunPlan, Started } from "./runplan.ts";

/** What the recorder holds, parsed. */
export function takeSnapshot(): Snapshot {
  return v.parse(snapshotSchema, JSON.parse(recorder.snapshot()));
}

/** Writes the record and the report, and returns what the terminal shows. The verdict is shown whatever happens. */
export function summarise(run: RunPlan, started: Started): Record<string, string> {
  const record = makeRecord(run, started, takeSnapshot());
  const output = { stdout: runTable(record) };
  try {
    recorder.save(run.directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
    recorder.save(run.directory, "report.html", renderRun(record));
    return { stdout: `${output.stdout}\nreport: ${run.directory}/report.html\n` };
  } catch (error) {
    return { ...output, stderr: `the record could not be written: ${error}\n` };
  }
}
