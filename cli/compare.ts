import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { isWorse, type SideOfRuns } from "../reports/comparison.ts";
import { terminalOf } from "../reports/terminal.ts";
import { makeId, readRecord } from "./files.ts";
import { MISSED } from "./k6.ts";
import { fail, outOption, profileOption, transportOption } from "./options.ts";
import { ofOneKind, runsOf, type Wanted } from "./references.ts";
import { type FoundRun, readResults } from "./results.ts";
import { linkToReport, writeComparison } from "./write-comparison.ts";

interface CompareOptions extends Wanted {
  out: string;
}

const program = new Command("npm run compare --")
  .description(
    "Compares runs: the first side with each of the others. A side is a record, a run's directory or id, a release, a " +
      "baseline, latest, or previous (the run of the same kind before it). Exit code 99 when something got worse.",
  )
  .argument("<sides...>", "two sides or more")
  .addOption(transportOption())
  .addOption(profileOption())
  .addOption(outOption())
  .action((sides: string[], options: CompareOptions) => {
    process.exitCode = compare(sides, options);
  });

function compare(references: readonly string[], { out, ...wanted }: CompareOptions): number {
  if (references.length < 2)
    throw new Error("a comparison needs two sides, e.g. npm run compare -- previous latest");
  const results = readResults(out);
  const runs = ofOneKind(
    references.map((reference) => runsOf(reference, out, results)),
    wanted,
  );
  const directory = join(out, makeId("comparison"));
  const sides = runs.map(
    (found, i): SideOfRuns => ({
      label: labelOf(references[i] ?? "", found),
      records: found.flatMap((run) => readRecord(run.directory) ?? []),
      reports: found.map((run) => linkToReport(directory, run.directory)),
      calibration: null,
    }),
  );
  const terminal = terminalOf(process.stdout.isTTY, process.stdout.columns, process.env);
  const { comparison, text } = writeComparison(directory, sides, terminal);
  process.stdout.write(text);
  return comparison.candidates.some(isWorse) ? MISSED : 0;
}

/** A path is no name: a run behind one is called by its id. */
function labelOf(reference: string, [first]: readonly FoundRun[]): string {
  return existsSync(reference) && first !== undefined ? first.runId : reference;
}

program.parseAsync().catch(fail);
