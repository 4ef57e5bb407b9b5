import * as v from "valibot";
import { recorder } from "../client/extension.ts";
import { type Snapshot, snapshotSchema } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runJUnit } from "../reports/junit.ts";
import { runTable, terminalOf } from "../reports/terminal.ts";
import { makeRecord } from "./assemble.ts";
import type { RunPlan, Started } from "./runplan.ts";

/** What the recorder holds, parsed. */
export function takeSnapshot(): Snapshot {
  return v.parse(snapshotSchema, JSON.parse(recorder.snapshot()));
}

/**
 * Writes the record and the reports, and returns what the terminal shows. The verdict is shown whatever happens. Of
 * where k6 writes it tells only whether it is a terminal; COLUMNS tells its width.
 */
export function summarise(run: RunPlan, started: Started, isTTY: boolean): Record<string, string> {
  const record = makeRecord(run, started, takeSnapshot());
  const output = { stdout: runTable(record, terminalOf(isTTY, Number(__ENV.COLUMNS) || undefined, __ENV)) };
  try {
    recorder.save(run.directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
    recorder.save(run.directory, "report.html", renderRun(record));
    recorder.save(run.directory, "junit.xml", runJUnit(record));
    return { stdout: `${output.stdout}\nreport: ${run.directory}/report.html\n` };
  } catch (error) {
    return { ...output, stderr: `the record could not be written: ${error}\n` };
  }
}
