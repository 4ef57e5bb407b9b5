import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import type { RunResults } from "../reports/json.ts";
import { conclude, type JobOptions, runProgram } from "./conclude.ts";
import { readNotifier } from "./notification.ts";
import { daysOption, fail, jitterOption, outOption } from "./options.ts";

interface ScheduledOptions extends JobOptions {
  jitter: number;
}

new Command("npm run scheduled --")
  .description(
    "What a schedule runs: npm start with the options that are not listed here, then the comparison with a baseline, " +
      "pruning, and a notification by the webhook in NOTIFY_URL. npm run schedule writes what starts it.",
  )
  .addOption(outOption())
  .option("--baseline <name>", "the saved baseline that the candidate is held against")
  .addOption(daysOption())
  .addOption(jitterOption())
  .allowUnknownOption()
  .allowExcessArguments()
  .action(async (options: ScheduledOptions, { args }: Command) => {
    process.exitCode = await scheduled(options, args);
  })
  .parseAsync()
  .catch(fail);

async function scheduled(options: ScheduledOptions, startArgs: readonly string[]): Promise<number> {
  readNotifier(process.env);
  await setTimeout(Math.random() * options.jitter * 1_000);
  const args = ["--out", options.out, "--json", ...startArgs];
  const { code, stdout } = await runProgram("start", args, { TRIGGER: "schedule" });
  const runs = stdout.trim() === "" ? [] : (JSON.parse(stdout) as RunResults[]);
  return conclude(runs, code, options);
}
