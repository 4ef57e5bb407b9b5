import { Command } from "commander";
import { runTable, terminalOf } from "../reports/terminal.ts";
import { hasPassed } from "../reports/view.ts";
import { MISSED } from "./k6.ts";
import { type Merged, mergeAt, mergeFromPrometheus } from "./merging.ts";
import { fail, outOption } from "./options.ts";

interface MergeOptions {
  out: string;
  prometheus?: string;
  testid?: string;
}

new Command("npm run merge --")
  .description(
    "Joins the records of the instances of one run into one, or what Prometheus knows of the run, and judges the whole. " +
      "Exits with 0, or with 99 where a target is missed or an instance is missing or was broken off.",
  )
  .argument("[records...]", "a run's directory, the directories of its instances, or their run.json")
  .option("--prometheus <url>", "in place of records: where the run's figures were sent")
  .option("--testid <id>", "the run's id, with --prometheus")
  .addOption(outOption())
  .action(async (paths: string[], options: MergeOptions) => {
    process.exitCode = await merge(paths, options);
  })
  .parseAsync()
  .catch(fail);

async function merge(paths: readonly string[], options: MergeOptions): Promise<number> {
  const { record, report } = await mergedBy(paths, options);
  const terminal = terminalOf(process.stdout.isTTY, process.stdout.columns, process.env);
  process.stdout.write(`${runTable(record, terminal)}\nreport: ${report}\n`);
  return hasPassed(record) ? 0 : MISSED;
}

async function mergedBy(
  paths: readonly string[],
  { out, prometheus, testid }: MergeOptions,
): Promise<Merged> {
  if (paths.length > 0 && prometheus === undefined && testid === undefined) return mergeAt(paths, out);
  if (paths.length === 0 && prometheus !== undefined && testid !== undefined) {
    return mergeFromPrometheus(prometheus, testid, out);
  }
  throw new Error("what is to be merged? Give records, or both --prometheus and --testid in place of them");
}
