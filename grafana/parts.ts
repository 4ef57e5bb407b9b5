import { counterSeries, gaugeSeries, OUTCOMES_SERIES } from "../run/series.ts";
import { STALL_MS, type Target, target } from "../thresholds/targets.ts";
import {
  graph,
  type Limit,
  limitOf,
  nameOf,
  type Panel,
  type Text,
  targetTiles,
  titleOf,
  unitOf,
  verdictTiles,
} from "./panels.ts";
import { CHOSEN_RUN, deliveryShare, gauge, last, perSecond, share, WHOLE_RUN } from "./promql.ts";

/** What several dashboards show over time. */
export interface Figure {
  title: string;
  about: string;
  /** What good looks like, for a run by itself. */
  good: string;
  unit: string;
  /** PromQL, of the runs `where`, a line for each of the labels `by`. */
  expr: (where: string, by: string) => string;
  limit?: Limit;
}

const [delivered, connected] = [target("message-delivery"), target("connection-success")];

export const FIGURES = {
  delivery: {
    title: titleOf(delivered),
    about:
      "Messages delivered, once and in order, in messages due, of the streams that ended within a moving window.",
    good: "on the line, 100 %.",
    unit: "percentunit",
    expr: deliveryShare,
    limit: limitOf(delivered),
  },
  connections: {
    title: titleOf(connected),
    about: "Usable streams in attempts to connect, within a moving window.",
    good: "on the line, 100 %.",
    unit: "percentunit",
    expr: (where, by) => share("connections_usable", "connection_attempts", where, by),
    limit: limitOf(connected),
  },
  received: {
    title: "Messages received",
    about: "By all clients together.",
    good: "steady while a test runs.",
    unit: "suffix:msg/s",
    expr: (where, by) => perSecond(counterSeries("messages_received"), where, by),
  },
  outcomes: {
    title: "Streams that ended, by outcome",
    about: "What became of each stream.",
    good: "completed, and what a test does itself (closed, deleted). refused, dropped, starved and timed_out are failures.",
    unit: "suffix:/s",
    expr: (where, by) => perSecond(counterSeries(OUTCOMES_SERIES), where, by),
  },
  health: {
    title: "Answer time of /health",
    about: "Asked once a second beside every test.",
    good: "far below the line; above it the server stalls.",
    unit: "s",
    expr: (where, by) => gauge("health_seconds", where, by),
    limit: { value: STALL_MS / 1_000, isFloor: false },
  },
  processor: {
    title: "Server processor time",
    about: "Of the server's process: 100 % is one core.",
    good: "it falls back with the load.",
    unit: "percentunit",
    expr: (where, by) => perSecond(gaugeSeries("server_cpu_seconds_total"), where, by),
  },
  memory: {
    title: "Server memory",
    about: "Resident memory of the server's process.",
    good: "it comes back to where it was; see the dashboard Endurance for the slope.",
    unit: "bytes",
    expr: (where, by) => gauge("server_memory_bytes", where, by),
  },
  generatorMemory: {
    title: "k6's own memory",
    about: "Of the load generator; of several instances the first.",
    good: "flat: its memory is bounded, however long the run.",
    unit: "bytes",
    expr: (where, by) => gauge("generator_memory_bytes", where, by),
  },
} as const satisfies Record<string, Figure>;

/** A figure of the chosen run, a line for each of the labels `by`. */
export function ofRun(figure: Figure, { good = figure.good, by = "", ...size }: OfRun): Panel {
  return graph(
    { title: figure.title, description: `${figure.about} Good: ${good}`, ...size },
    figure.unit,
    [{ expr: figure.expr(CHOSEN_RUN, by), legend: by === "" ? "this run" : `{{${by}}}` }],
    figure.limit,
  );
}
type OfRun = Pick<Text, "width" | "height"> & { good?: string; by?: string };

const ofTarget = (name: "target_value" | "target_verdict", { id }: Target): string =>
  last(gaugeSeries(name), `${CHOSEN_RUN},${WHOLE_RUN},target="${id}"`);

/** The verdicts on these targets, in their order. */
export const verdicts = (text: Text, rows: readonly Target[]): Panel =>
  verdictTiles(
    text,
    rows.map((row) => ({ expr: ofTarget("target_verdict", row), legend: row.id })),
  );

/** What was measured for these targets, in their order, and when a red value fails nothing. */
export const measured = (text: Text, rows: readonly Target[]): Panel =>
  targetTiles(
    {
      ...text,
      description: `${text.description} Red fails nothing where the verdict is not measured, or at the edge.`,
    },
    rows.map((row) => ({
      expr: ofTarget("target_value", row),
      legend: nameOf(row),
      unit: unitOf(row),
      limit: limitOf(row),
    })),
  );
