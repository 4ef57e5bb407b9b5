import type { RunRecord } from "../record/record.ts";
import type { ComparisonView } from "./comparison.ts";
import { banner, clockText, summarySentence, targetRow } from "./view.ts";

/** Columns aligned by spaces; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join("\n");
}

/** The verdicts of a run, for the terminal. */
export function runTable(record: RunRecord): string {
  const parts = [`\n${banner(record)}`.trimEnd(), summarySentence(record)];
  for (const test of record.tests) {
    const rows = test.targets
      .map(targetRow)
      .map((row) => [
        `${row.sign} ${row.verdict}`,
        row.title,
        row.measured,
        `(target ${row.required})`,
        row.reason,
      ]);
    parts.push(`\n${test.group}: ${test.name} (test plan ${test.plan.join(", ")})`, columns(rows));
    parts.push(...test.findings.map((finding) => `  ! ${finding}`));
  }
  parts.push(...record.findings.map((finding) => `! ${finding}`));
  if (record.clock?.applied) parts.push(`! clock: ${clockText(record.clock)}`);
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

/** A comparison, for the terminal. */
export function comparisonTable(view: ComparisonView): string {
  const head = ["target", "required", ...view.columns.map(({ name }) => name), "before (test plan)"];
  const body = view.overall.map(({ title, required, before, cells }) => [
    title,
    required,
    ...cells.map(({ sign, measured, verdict }) => `${sign} ${measured} ${verdict}`),
    before,
  ]);
  const lines = [
    "",
    view.banner,
    view.title,
    columns([head, ...body]),
    "",
    ...view.columns.map(({ sentence }) => sentence),
    ...view.calls.map(({ call, cells }) => `${call}: ${cells.join(" | ")}`),
  ];
  return `${lines.filter((line, i) => line !== "" || i === 0 || i === 4).join("\n")}\n`;
}
