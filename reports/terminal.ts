import type { RunRecord, TestRecord } from "../record/record.ts";
import type { ChangeCell, ComparisonView } from "./comparison-view.ts";
import { plain } from "./format.ts";
import type { RunRow, Unreadable } from "./history.ts";
import { notices, recoveryText } from "./notices.ts";
import { banner, clockText, SIGNS, styleOf, summarySentence, targetRow } from "./view.ts";

/** Where text is shown. */
export interface Terminal {
  /** Whether colours are understood and wanted: never in a log, never with NO_COLOR. */
  hasColours: boolean;
  /** Characters a line; undefined where there is no limit: in a log. */
  width?: number | undefined;
}

const LOG: Terminal = { hasColours: false };

/** Whether a program that writes to `isTTY` should use colours, and how wide a line may be. */
export function terminalOf(
  isTTY: boolean,
  columns: number | undefined,
  env: Record<string, string | undefined>,
): Terminal {
  return isTTY ? { hasColours: !env.NO_COLOR, width: columns } : LOG;
}

/** Text in a table; `style` is a verdict or a word of a comparison as a CSS class has it. */
export type Cell = string | { text: string; style: string };

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text);

/** The colours of ANSI terminals: green, red, yellow, and dim. */
const COLOURS: Record<string, number> = {
  met: 32,
  better: 32,
  missed: 31,
  "no-data": 31,
  worse: 31,
  "at-the-edge": 33,
  "not-enough": 33,
  "not-measured": 2,
  same: 2,
};

function painted(text: string, cell: Cell, { hasColours }: Terminal): string {
  const colour = typeof cell === "string" ? undefined : COLOURS[cell.style];
  return hasColours && colour !== undefined ? `\u001b[${colour}m${text}\u001b[0m` : text;
}

/** The least room in which the last column of a table is wrapped; with less, a row becomes a paragraph. */
const NARROWEST = 24;
const GAP = "  ";
const INDENT = "    ";

/**
 * Columns aligned by spaces, two in from the edge. Where the terminal is narrow the last column is wrapped, or stands
 * below its row, or every row becomes a paragraph.
 */
export function columns(rows: readonly (readonly Cell[])[], terminal: Terminal = LOG): string {
  const safe = rows.map((row) =>
    row.map((cell) => (typeof cell === "string" ? plain(cell) : { ...cell, text: plain(cell.text) })),
  );
  const widths = widthsOf(safe);
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, GAP.length);
  const width = terminal.width ?? Number.POSITIVE_INFINITY;
  const isWide = width - before >= Math.min(NARROWEST, widths.at(-1) ?? 0);
  const indent = isWide ? before : INDENT.length;
  const isPossible = before - GAP.length <= width;
  return safe
    .map((row) => (isPossible ? line(row, widths, indent, terminal) : paragraph(row, terminal)))
    .join("\n");
}

function widthsOf(rows: readonly (readonly Cell[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length);
    });
  }
  return widths;
}

/** A row whose last cell is wrapped, `indent` in: beside the others where that is behind them, else below. */
function line(row: readonly Cell[], widths: readonly number[], indent: number, terminal: Terminal): string {
  const last = row.length === widths.length ? (row.at(-1) ?? "") : "";
  const others = row.slice(0, widths.length - 1);
  const padded = others.map(
    (cell, i) => painted(textOf(cell), cell, terminal) + " ".repeat((widths[i] ?? 0) - textOf(cell).length),
  );
  const room = (terminal.width ?? Number.POSITIVE_INFINITY) - indent;
  const wrapped = wrap(textOf(last), room).map((text) => painted(text, last, terminal));
  const start = `${GAP}${padded.join(GAP)}`;
  const isBeside = indent > INDENT.length || others.length === 0;
  const [first = "", ...more] = wrapped;
  const lines = isBeside
    ? [`${start}${GAP}${first}`, ...indented(more, indent)]
    : [start, ...indented(wrapped, indent)];
  return lines
    .map((text) => text.trimEnd())
    .filter((text) => text !== "")
    .join("\n");
}

const indented = (lines: readonly string[], by: number): string[] =>
  lines.map((text) => " ".repeat(by) + text);

/** The first cell, and below it the others, as many in a line as there is room for. */
function paragraph([first = "", ...others]: readonly Cell[], terminal: Terminal): string {
  const room = (terminal.width ?? 0) - INDENT.length;
  const pieces = others.flatMap((cell) =>
    wrap(textOf(cell), room).map((text) => ({ text, style: typeof cell === "string" ? "" : cell.style })),
  );
  const lines: string[] = [];
  let left = 0;
  for (const piece of pieces.filter(({ text }) => text !== "")) {
    const needed = piece.text.length + GAP.length;
    const shown = painted(piece.text, piece, terminal);
    if (needed <= left) lines.push(`${lines.pop()}${GAP}${shown}`);
    else {
      lines.push(`${INDENT}${shown}`);
      left = room + GAP.length;
    }
    left -= needed;
  }
  return [`${GAP}${painted(textOf(first), first, terminal)}`, ...lines].join("\n");
}

/** Lines of at most `width` characters, broken between words; a word that is longer stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const current = lines.at(-1) ?? "";
    if (current === "") lines[lines.length - 1] = word;
    else if (current.length + 1 + word.length <= width) lines[lines.length - 1] = `${current} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A row a target; one for all of a test that was not played. */
function verdictRows({ targets, withheld }: TestRecord): Cell[][] {
  if (withheld !== null)
    return [[{ text: `${SIGNS["no data"]} no data`, style: styleOf("no data") }, withheld]];
  return targets
    .map(targetRow)
    .map((row) => [
      { text: `${row.sign} ${row.verdict}`, style: row.style },
      row.title,
      row.measured,
      `(target ${row.required})`,
      row.reason,
    ]);
}

/** The verdicts of a run, for the terminal. */
export function runTable(record: RunRecord, terminal: Terminal = LOG): string {
  const parts = [`\n${plain(banner(record))}`.trimEnd(), plain(summarySentence(record))];
  parts.push(...notices(record).map((notice) => `! ${plain(notice)}`));
  for (const test of record.tests) {
    const recovery = recoveryText(test);
    const about = `test plan ${test.plan.join(", ")}${recovery === "" ? "" : `; ${recovery}`}`;
    parts.push(`\n${plain(`${test.group}: ${test.name} (${about})`)}`, columns(verdictRows(test), terminal));
    parts.push(...test.findings.map((finding) => `  ! ${plain(finding)}`));
  }
  parts.push(...record.findings.map((finding) => `! ${plain(finding)}`));
  if (record.clock?.applied) parts.push(`! clock: ${clockText(record.clock)}`);
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

function changeCell({ sign, word, style, difference, values }: ChangeCell): Cell {
  const text = difference === "–" ? `${sign} ${word}` : `${sign} ${word} ${difference} (${values})`;
  return { text, style };
}

/** A comparison, for the terminal. */
export function comparisonTable(view: ComparisonView, terminal: Terminal = LOG): string {
  const { firstName, otherNames } = view;
  const changes = otherNames.map((name) => (otherNames.length > 1 ? `${name}: change` : "change"));
  const head = ["target", "required", firstName, ...otherNames, "before (test plan)", ...changes];
  const body = view.rows.map(({ title, required, before, first, others }): Cell[] => [
    title,
    required,
    ...[first, ...others.map(({ cell }) => cell)].map(({ sign, measured, verdict, style }) => ({
      text: `${sign} ${measured} ${verdict}`,
      style,
    })),
    before,
    ...others.map(({ change }): Cell => (change === null ? "" : changeCell(change))),
  ]);
  const calls = view.calls.map(({ call, side, word }) => `${call}: ${word} on ${side}`);
  const parts = [
    [view.banner, view.title].map(plain),
    [columns([head, ...body], terminal), plain(view.reading)],
    [
      ...view.sentences.map(({ text }) => text),
      ...view.sides.map(({ sentence }) => sentence),
      ...calls,
      ...view.notes,
    ].map(plain),
  ];
  return `\n${parts.map((lines) => lines.filter((text) => text !== "").join("\n")).join("\n\n")}\n`;
}

/** A list of runs, for the terminal. */
export function historyTable(
  runs: readonly RunRow[],
  unreadable: readonly Unreadable[],
  terminal: Terminal = LOG,
): string {
  const head = ["started", "verdict", "release", "transport", "profile", "script", "state", "run"];
  const body = runs.map(
    ({ when, sign, verdict, style, release, transport, profile, test, state, name }): Cell[] => [
      when,
      { text: `${sign} ${verdict}`, style },
      release,
      transport,
      profile,
      test,
      state,
      name,
    ],
  );
  const others = unreadable.map(({ name, reason }) => `! ${plain(name)}: ${plain(reason)}`);
  return `${[columns([head, ...body], terminal), ...others].join("\n")}\n`;
}
