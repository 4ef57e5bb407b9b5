import { relative, resolve } from "node:path";
import { Command } from "commander";
import { baselineNames, readBaseline, saveBaseline } from "./baselines.ts";
import { fail, outOption } from "./options.ts";
import { runsOf } from "./references.ts";
import { readResults } from "./results.ts";

const program = new Command("npm run baseline --")
  .description(
    "Gives runs a name that later runs are held against: npm run compare -- NAME latest. Lists the names without --save.",
  )
  .argument("[runs...]", "records, directories, runs, releases; latest when not given")
  .option("--save <name>", "the name")
  .addOption(outOption())
  .action((references: string[], options: { save?: string; out: string }) => baseline(references, options));

function baseline(references: readonly string[], { save, out }: { save?: string; out: string }): void {
  if (save === undefined) {
    list(out);
    return;
  }
  const results = readResults(out);
  const chosen = references.length > 0 ? references : ["latest"];
  const runs = chosen.flatMap((reference) => runsOf(reference, out, results));
  const directories = runs.map(({ directory }) => relative(resolve(out), resolve(directory)));
  const outside = directories.find((directory) => directory.startsWith(".."));
  if (outside !== undefined)
    throw new Error(`${outside} is not in ${out}: name the directory that it is in with --out`);
  saveBaseline(out, save, directories);
  process.stdout.write(`${save}: ${runs.map(({ runId }) => runId).join(", ")}\n`);
}

function list(out: string): void {
  const names = baselineNames(out);
  if (names.length === 0) process.stdout.write(`no baselines in ${out}\n`);
  for (const name of names) process.stdout.write(`${name}: ${runsIn(out, name)}\n`);
}

/** Its runs, or why it cannot be read: that hides none of the others. */
function runsIn(out: string, name: string): string {
  try {
    return readBaseline(out, name)?.runs.join(", ") ?? "cannot be read";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

program.parseAsync().catch(fail);
