import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Command } from "commander";
import { readInstance } from "../record/instance.ts";
import type { RunRecord } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runJUnit } from "../reports/junit.ts";
import { runTable, terminalOf } from "../reports/terminal.ts";
import { hasPassed } from "../reports/view.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { readRecord, saveFile } from "./files.ts";
import { MISSED } from "./k6.ts";
import { fail, outOption } from "./options.ts";

new Command("npm run merge --")
  .description(
    "Joins the records of the instances of one run into one, and judges the whole. Exits with 0, or with 99 where a " +
      "target is missed or an instance is missing or was broken off.",
  )
  .argument("<records...>", "a run's directory, the directories of its instances, or their run.json")
  .addOption(outOption())
  .action((paths: string[], { out }: { out: string }) => {
    process.exitCode = merge(paths, out);
  })
  .parseAsync()
  .catch(fail);

function merge(paths: readonly string[], out: string): number {
  const record = mergeRecords(readAll(paths.flatMap(directoriesAt)));
  const directory = join(out, record.runId);
  saveFile(directory, "report.html", renderRun(record));
  saveFile(directory, "junit.xml", runJUnit(record));
  saveFile(directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
  const terminal = terminalOf(process.stdout.isTTY, process.stdout.columns, process.env);
  process.stdout.write(`${runTable(record, terminal)}\nreport: ${join(directory, "report.html")}\n`);
  return hasPassed(record) ? 0 : MISSED;
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
