import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Command } from "commander";
import { readInstance } from "../record/instance.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { renderRun } from "../reports/html.ts";
import { runTable } from "../reports/terminal.ts";
import { hasPassed } from "../reports/view.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { saveFile } from "./files.ts";
import { MISSED } from "./k6.ts";

new Command("npm run merge --")
  .description(
    "Joins the records of the instances of one run into one, and judges the whole. Exits with 0, or with 99 where a " +
      "target is missed or an instance is missing or was broken off.",
  )
  .argument("<records...>", "a run's directory, the directories of its instances, or their run.json")
  .option("--out <dir>", "where the run's directory is, or is made", "results")
  .allowExcessArguments(false)
  .action((paths: string[], { out }: { out: string }) => {
    process.exitCode = merge(paths, out);
  })
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  });

function merge(paths: readonly string[], out: string): number {
  const record = mergeRecords(readAll(paths.flatMap(recordsAt)));
  const directory = join(out, record.runId);
  saveFile(directory, "run.json", `${JSON.stringify(record, undefined, 1)}\n`);
  saveFile(directory, "report.html", renderRun(record));
  process.stdout.write(`${runTable(record)}\nreport: ${join(directory, "report.html")}\n`);
  return hasPassed(record) ? 0 : MISSED;
}

/** One after the other. What cannot be read is told, and its instance counts as missing. */
function* readAll(files: readonly string[]): Generator<RunRecord> {
  for (const file of files) {
    const record = readOr(file, (sentence) => process.stderr.write(`${sentence}\n`));
    if (record !== undefined) yield record;
  }
}

function readOr(file: string, tell: (sentence: string) => void): RunRecord | undefined {
  try {
    return parseRecord(readFileSync(file, "utf8"), file);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The files of records at a path: of a run's directory those of its instances, where it has any. */
function recordsAt(path: string): string[] {
  if (basename(path) === "run.json") return [path];
  if (!existsSync(path))
    throw new Error(`${path} does not exist: give the directory of a run or of an instance`);
  const instances = readdirSync(path).filter((name) => readInstance(name) !== undefined);
  const directories = instances.length > 0 ? instances.map((name) => join(path, name)) : [path];
  return directories.map((directory) => join(directory, "run.json"));
}
