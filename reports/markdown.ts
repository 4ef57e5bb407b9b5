import type { ComparisonView } from "./comparison-view.ts";
import { plain } from "./format.ts";

/** A comparison for a merge request. */
export function comparisonMarkdown(view: ComparisonView): string {
  const { firstName, otherNames } = view;
  const head = [
    "Target",
    "Required",
    firstName,
    ...otherNames.flatMap((name) => [name, `Against ${firstName}`]),
  ];
  const body = view.rows.map(({ title, required, first, others }) => [
    title,
    required,
    `${first.sign} ${first.verdict} ${first.measured}`,
    ...others.flatMap(({ cell, change }) => [
      `${cell.sign} ${cell.verdict} ${cell.measured}`,
      change === null
        ? "–"
        : `${change.sign} ${change.word}, ${change.difference} (${change.values}): ${change.reason}`,
    ]),
  ]);
  const sections = [
    `## ${escaped(view.title)}`,
    view.banner === "" ? "" : `**${escaped(view.banner)}**`,
    list(view.sentences.map(({ text }) => text)),
    list(view.notes),
    table([head, ...body]),
    escaped(view.reading),
    list(view.calls.map(({ call, side, word }) => `${call}: ${word} on ${side}`)),
    list(view.sides.map(({ sentence }) => sentence)),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

const list = (lines: readonly string[]): string => lines.map((text) => `- ${escaped(text)}`).join("\n");

function table([head = [], ...body]: readonly string[][]): string {
  const row = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  return [row(head), `|${" --- |".repeat(head.length)}`, ...body.map(row)].join("\n");
}

/** What Markdown, HTML or a mention could be made of is written as a character reference. */
const escaped = (text: string): string =>
  plain(text).replace(/[\\`*_[\]<>|~&@#!]/g, (character) => `&#${character.charCodeAt(0)};`);
