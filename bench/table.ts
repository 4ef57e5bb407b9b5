import { columns } from "../reports/terminal.ts";
import { median } from "../thresholds/slope.ts";
import { type Figure, judge, type Limit, ratios, type Verdict } from "./figures.ts";

const SIGNS: Record<Verdict, string> = { met: "✓", missed: "✗", "not measured": "○", shown: " " };
const HEAD = ["", "figure", "over", "measured", "limit", "beside it in the same run", ""];

/** The figures in columns: medians, with the range of the rounds where there are several. */
export function figureTable(figures: readonly Figure[]): string {
  return columns([HEAD, ...figures.map(figureRow)]);
}

function figureRow(figure: Figure): string[] {
  const { what, over, unit, ours, peers, limit, note = "" } = figure;
  return [
    SIGNS[judge(figure)],
    what,
    over,
    ours.length === 0 ? "not measured" : `${range(ours)} ${unit}`.trim(),
    limit === undefined ? "" : limitText(limit, unit),
    peers.map(({ name, values }) => peerText(name, values, ours)).join(", "),
    note,
  ];
}

function limitText(limit: Limit, unit: string): string {
  if ("timesPeer" in limit) return `≤ ${limit.timesPeer} ×`;
  return `≤ ${limit.atMost} ${unit}`.trim();
}

/** "Go 1.30 (× 2.1)": the peer's value, and ours over it. */
function peerText(name: string, values: readonly number[], ours: readonly number[]): string {
  if (values.length === 0) return name;
  const times = median(ratios(ours, values));
  return `${name} ${range(values)}${Number.isFinite(times) ? ` (× ${digits(times)})` : ""}`;
}

/** "5.1 (4.9 to 5.6)" */
function range(values: readonly number[]): string {
  const middle = digits(median(values));
  if (values.length === 1) return middle;
  return `${middle} (${digits(Math.min(...values))} to ${digits(Math.max(...values))})`;
}

/** Three significant digits, and no more than two after the point. */
function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2);
}
