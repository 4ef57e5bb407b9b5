import { type Judged, type RunRecord, type Transport, VERDICTS, type Verdict } from "../record/record.ts";
import { fails } from "../thresholds/judge.ts";
import { show, showDifference, TARGETS, type Target } from "../thresholds/targets.ts";
import { clip, milliseconds } from "./format.ts";

/** A verdict with its sign, so that colour never stands alone. */
export const SIGNS: Record<Verdict, string> = {
  met: "✓",
  "at the edge": "≈",
  "not measured": "○",
  missed: "✗",
  "no data": "?",
};

export const TRANSPORT_NAMES: Record<Transport, string> = { sse: "SSE", ws: "WebSocket" };

/** A target as a row of a table. */
export interface TargetRow {
  title: string;
  required: string;
  before: string;
  measured: string;
  /** How far the value is from the limit: "+" on the good side. */
  margin: string;
  interval: string;
  verdict: Verdict;
  sign: string;
  /** The verdict as a CSS class. */
  style: string;
  observations: string;
  reason: string;
}

/** A verdict or another word as a CSS class. */
export const styleOf = (word: string): string => word.replaceAll(" ", "-");

/** A target that the table no longer has, in a record of an earlier release of this suite, is shown by its id. */
export function targetRow(judged: Judged): TargetRow {
  const row = TARGETS.find(({ id }) => id === judged.id) ?? unknownTarget(judged);
  const [low, high] = judged.interval ?? [];
  return {
    title: row.title,
    required: judged.target,
    before: row.before,
    measured: show(row, judged.value),
    margin: marginOf(row, judged.value),
    interval: low === undefined ? "" : `${show(row, low)} to ${show(row, high)}`,
    verdict: judged.verdict,
    sign: SIGNS[judged.verdict],
    style: styleOf(judged.verdict),
    observations: String(judged.observations),
    reason: clip(judged.reason),
  };
}

type Shown = Pick<Target, "title" | "unit" | "before"> & Partial<Pick<Target, "comparison" | "limit">>;

const unknownTarget = ({ id, unit }: Judged): Shown => ({
  title: id,
  unit: unit as Target["unit"],
  before: "",
});

function marginOf(row: Shown, value: number | null): string {
  if (value === null || row.limit === undefined) return "–";
  const above = value - row.limit;
  return showDifference(row, row.comparison?.startsWith(">") ? above : -above);
}

/** What is said of a run that did not come to its end. */
const CUT_SHORT: Partial<Record<RunRecord["state"], string>> = {
  interrupted: " (run interrupted)",
  failed: " (run cut short: not every virtual user came to its end)",
  incomplete: " (run incomplete)",
};

/** The verdict over a whole run in one sentence. */
export function summarySentence(record: RunRecord): string {
  const failed = record.targets.filter(fails);
  const share =
    record.instance === null ? "" : `, instance ${record.instance} (a share: npm run merge judges)`;
  const what = `${TRANSPORT_NAMES[record.transport]}, release ${record.release}${share}`;
  if (record.state === "running") return `${what}: the run has not ended, or was broken off without a word.`;
  const prefix = `${what}${CUT_SHORT[record.state] ?? ""}`;
  if (failed.length === 0) return `${prefix}: no target missed (${countVerdicts(record.targets)}).`;
  const names = failed.map(({ id, verdict }) => `${id} (${verdict})`).join(", ");
  return `${prefix}: ${failed.length} of ${record.targets.length} targets not met: ${names}.`;
}

/** Whether the run came to its end, and no target fails it. */
export function hasPassed({ state, targets }: RunRecord): boolean {
  return state === "complete" && !targets.some(fails);
}

/** The worst of some verdicts; "not measured" where there are none. */
export function worstVerdict(targets: readonly Pick<Judged, "verdict">[]): Verdict {
  const worst = Math.max(...targets.map(({ verdict }) => VERDICTS.indexOf(verdict)));
  return VERDICTS[worst] ?? "not measured";
}

function countVerdicts(targets: readonly Judged[]): string {
  const counts = VERDICTS.map(
    (verdict) => [verdict, targets.filter((one) => one.verdict === verdict).length] as const,
  );
  return counts
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ");
}

/** Said wherever the results of a simulated server are shown. */
export function banner({ target: { simulated, behaviour } }: Pick<RunRecord, "target">): string {
  return simulated ? `SIMULATED SERVER (${behaviour})` : "";
}

const signed = (ms: number): string => `${ms >= 0 ? "+" : "−"}${milliseconds(Math.abs(ms))}`;

/** How the instances of a merged run ended, how far the clock of each is off the server's, and how exact percentiles are. */
export function instancesText({
  instances,
  bounds,
}: Pick<RunRecord, "instances" | "bounds">): { label: string; value: string }[] {
  if (instances.length === 0) return [];
  const offsets = instances.flatMap(({ clock }) => clock?.offsetMs ?? []);
  const [least, most] = [Math.min(...offsets), Math.max(...offsets)];
  const complete = instances.filter(({ state }) => state === "complete").length;
  return [
    { label: "Instances", value: `${complete} of ${instances.length} complete` },
    ...(offsets.length === 0
      ? []
      : [
          {
            label: "Clocks of the instances",
            value: `the server's is off by ${signed(least)} to ${signed(most)}`,
          },
        ]),
    {
      label: "Percentiles",
      value:
        bounds === null
          ? "of all instances' messages, to the 1.1 % of a histogram's bucket"
          : `of all instances' messages, known to lie between two of ${bounds.join(", ")} ms`,
    },
  ];
}

/** What the server's clock is off, by how much that is uncertain, and whether it was applied. */
export function clockText(clock: RunRecord["clock"]): string {
  if (clock === null) return "the server did not tell its time";
  const { offsetMs, uncertaintyMs, applied } = clock;
  const off = `${signed(offsetMs)} ± ${milliseconds(uncertaintyMs)}`;
  return `the server's is ${off} off; ${applied ? "taken off its timestamps" : "no more than its uncertainty, and not applied"}`;
}
