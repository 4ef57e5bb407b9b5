import * as v from "valibot";
import { errorText } from "../client/errors.ts";
import { recorder } from "../client/extension.ts";
import { type Beginning, type Snapshot, snapshotSchema } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runJUnit } from "../reports/junit.ts";
import { runTable, terminalOf } from "../reports/terminal.ts";
import { makeRecord } from "./assemble.ts";
import type { RunPlan } from "./runplan.ts";

/** What the recorder holds, parsed. */
export function takeSnapshot(): Snapshot {
  return v.parse(snapshotSchema, JSON.parse(recorder.snapshot()));
}

/**
 * Writes the record and the reports, and returns what the terminal shows. The verdict is shown whatever happens. Of
 * where k6 writes it tells only whether it is a terminal; COLUMNS tells its width.
 */
export function summarise(run: RunPlan, started: Beginning, isTTY: boolean): Record<string, string> {
  const record = makeRecord(run, started, takeSnapshot());
  const stdout = runTable(record, terminalOf(isTTY, Number(__ENV.COLUMNS) || undefined, __ENV));
  const failed = saveAll(run.directory, {
    "run.json": `${JSON.stringify(record, undefined, 1)}\n`,
    "report.html": renderRun(record),
    "junit.xml": runJUnit(record),
  });
  return failed === ""
    ? { stdout: `${stdout}\nreport: ${run.directory}/report.html\n` }
    : { stdout, stderr: `${failed}\n` };
}

/** Saves each file, whatever becomes of the others. Returns what went wrong, in one sentence; "" where nothing did. */
function saveAll(directory: string, files: Record<string, string>): string {
  const unsaved: string[] = [];
  let reason = "";
  for (const [name, content] of Object.entries(files)) {
    try {
      recorder.save(directory, name, content);
    } catch (error) {
      unsaved.push(name);
      reason = errorText(error);
    }
  }
  return unsaved.length === 0 ? "" : `${unsaved.join(", ")} could not be written: ${reason}`;
}
