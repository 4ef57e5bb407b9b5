import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readInstance } from "../record/instance.ts";
import type { RunRecord } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runJUnit } from "../reports/junit.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { readRecord, saveFile } from "./files.ts";

/** Merges the records at `paths` and writes the whole run's files into its directory below `out`. */
export function mergeAt(paths: readonly string[], out: string): { record: RunRecord; report: string } {
  const record = mergeRecords(readAll(paths.flatMap(directoriesAt)));
  const directory = join(out, record.runId);
  saveFile(directory, "report.html", renderRun(record));
  saveFile(directory, "junit.xml", runJUnit(record));
  saveFile(directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
  return { record, report: join(directory, "report.html") };
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
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
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
