import { relative, resolve } from "node:path";
import { type Comparison, compareRuns, type SideOfRuns } from "../reports/comparison.ts";
import { renderComparison } from "../reports/comparison-html.ts";
import { comparisonView } from "../reports/comparison-view.ts";
import { comparisonJUnit } from "../reports/junit.ts";
import { comparisonMarkdown } from "../reports/markdown.ts";
import { comparisonTable, type Terminal } from "../reports/terminal.ts";
import { saveFile } from "./files.ts";

/** Compares, and writes the comparison in all its formats. comparison.json comes last: where it is, all are. */
export function writeComparison(
  directory: string,
  sides: readonly SideOfRuns[],
  terminal: Terminal,
): { comparison: Comparison; text: string } {
  const comparison = compareRuns(sides);
  const view = comparisonView(comparison, sides);
  saveFile(directory, "report.html", renderComparison(view));
  saveFile(directory, "comparison.md", comparisonMarkdown(view));
  saveFile(directory, "junit.xml", comparisonJUnit(comparison));
  saveFile(directory, "comparison.json", `${JSON.stringify(comparison, undefined, 1)}\n`);
  return { comparison, text: `${comparisonTable(view, terminal)}\nreport: ${directory}/report.html\n` };
}

/** A link from a page in `directory` to the report of the run in `runDirectory`. */
export function linkToReport(directory: string, runDirectory: string): string {
  const path = relative(resolve(directory), resolve(runDirectory, "report.html"));
  return path.split(/[\\/]/).map(encodeURIComponent).join("/");
}
