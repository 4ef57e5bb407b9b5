import { Command, Option } from "commander";
import { PAGES } from "../record/directory.ts";
import { VERDICTS } from "../record/record.ts";
import { historyView, indexView, type RunSummary, runRow, verdictOf } from "../reports/history.ts";
import { renderHistory, renderIndex } from "../reports/history-html.ts";
import { historyTable, terminalOf } from "../reports/terminal.ts";
import { saveFile } from "./files.ts";
import { fail, outOption, profileOption, transportOption } from "./options.ts";
import { readResults } from "./results.ts";

interface Filter {
  release?: string;
  transport?: string;
  profile?: string;
  verdict?: string;
}

const program = new Command("npm run history --")
  .description(
    "Lists the runs in a directory of results, and writes there history.html (every target over the releases, of the runs " +
      "that are listed) and index.html (all reports).",
  )
  .addOption(new Option("--release <name>", "only runs of this release"))
  .addOption(transportOption())
  .addOption(profileOption())
  .addOption(new Option("--verdict <verdict>", "only runs with this verdict").choices(VERDICTS))
  .addOption(outOption())
  .allowExcessArguments(false)
  .action(({ out, ...filter }: Filter & { out: string }) => history(out, filter));

function history(out: string, filter: Filter): void {
  const { runs, comparisons, unreadable } = readResults(out);
  const listed = runs.filter((run) => fits(run, filter));
  const entries = Object.entries(filter).map(([name, value]) => `${name} ${value}`);
  const words = entries.length === 0 ? "" : `, ${entries.join(", ")}`;
  saveFile(out, PAGES.history, renderHistory(historyView(listed, unreadable, words)));
  saveFile(out, PAGES.index, renderIndex(indexView(runs, comparisons, unreadable)));
  const terminal = terminalOf(process.stdout.isTTY, process.stdout.columns, process.env);
  process.stdout.write(historyTable(listed.map(runRow), unreadable, terminal));
  process.stdout.write(
    `\n${listed.length} of ${runs.length} runs\nhistory: ${out}/${PAGES.history}\nindex: ${out}/${PAGES.index}\n`,
  );
}

const fits = (run: RunSummary, { release, transport, profile, verdict }: Filter): boolean =>
  run.release === (release ?? run.release) &&
  run.transport === (transport ?? run.transport) &&
  run.profile === (profile ?? run.profile) &&
  verdictOf(run) === (verdict ?? verdictOf(run));

program.parseAsync().catch(fail);
