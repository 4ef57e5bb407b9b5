import { existsSync } from "node:fs";
import { Command } from "commander";
import { daysOption, fail, outOption } from "./options.ts";
import { prune } from "./pruning.ts";

new Command("npm run prune --")
  .description("Removes runs and comparisons that are older than so many days. What a baseline names stays.")
  .addOption(daysOption().makeOptionMandatory())
  .addOption(outOption())
  .allowExcessArguments(false)
  .action(({ keep, out }: { keep: number; out: string }) => {
    if (!existsSync(out)) throw new Error(`${out} does not exist: give the directory of results with --out`);
    const removed = prune(out, keep);
    process.stdout.write(`${[...removed, `${removed.length} removed`].join("\n")}\n`);
  })
  .parseAsync()
  .catch(fail);
