import { Command } from "commander";
import { runTable, terminalOf } from "../reports/terminal.ts";
import { hasPassed } from "../reports/view.ts";
import { MISSED } from "./k6.ts";
import { mergeAt } from "./merging.ts";
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
  const { record, report } = mergeAt(paths, out);
  const terminal = terminalOf(process.stdout.isTTY, process.stdout.columns, process.env);
  process.stdout.write(`${runTable(record, terminal)}\nreport: ${report}\n`);
  return hasPassed(record) ? 0 : MISSED;
}
