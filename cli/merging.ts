import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readInstance } from "../record/instance.ts";
import type { RunRecord } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runJUnit } from "../reports/junit.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { readRecord, saveFile } from "./files.ts";
import { sentenceOf } from "./options.ts";
import { prometheusAt } from "./prometheus-query.ts";
import { recordFromPrometheus } from "./prometheus-records.ts";

/** A run's one record, and where its report is. */
export interface Merged {
  record: RunRecord;
  report: string;
}

/** Merges the records at `paths` and writes the whole run's files into its directory below `out`. */
export const mergeAt = (paths: readonly string[], out: string): Merged =>
  saved(mergeRecords(readAll(paths.flatMap(directoriesAt))), out);

/** The same of a run as Prometheus knows it: never in place of a record that knows more. */
export async function mergeFromPrometheus(url: string, testid: string, out: string): Promise<Merged> {
  const record = await recordFromPrometheus(prometheusAt(url), testid);
  const directory = join(out, record.runId);
  if ((readRecord(directory)?.bounds ?? null) === null && existsSync(directory)) {
    throw new Error(`${directory} is there, and its records know more: merge those, or give another --out`);
  }
  return saved(record, out);
}

function saved(record: RunRecord, out: string): Merged {
  const directory = join(out, record.runId);
  saveRun(directory, record);
  return { record, report: join(directory, "report.html") };
}

/** Writes a run's files; the record comes last: where it is, all are. */
export function saveRun(directory: string, record: RunRecord): void {
  saveFile(directory, "report.html", renderRun(record));
  saveFile(directory, "junit.xml", runJUnit(record));
  saveFile(directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
}

/** One after the other. What cannot be read is told, and its instance counts as missing. */
function* readAll(directories: readonly string[]): Generator<RunRecord> {
  for (const directory of directories) {
    const record = readOrTell(directory);
    if (record !== undefined) yield record;
  }
}

function readOrTell(directory: string): RunRecord | undefined {
  try {
    const record = readRecord(directory);
    if (record === undefined) process.stderr.write(`${directory} holds no run.json\n`);
    return record;
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`);
    return undefined;
  }
}

/** The directories of records at a path: of a run's directory those of its instances, where it has any. */
function directoriesAt(path: string): string[] {
  if (!existsSync(path))
    throw new Error(`${path} does not exist: give the directory of a run or of an instance`);
  if (basename(path) === "run.json") return [dirname(path)];
  const instances = readdirSync(path).filter((name) => readInstance(name) !== undefined);
  return instances.length > 0 ? instances.map((name) => join(path, name)) : [path];
}
