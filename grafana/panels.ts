import { PanelBuilder as BarGauge } from "@grafana/grafana-foundation-sdk/bargauge";
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimeline } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import { VERDICTS, type Verdict } from "../record/record.ts";
import { SIGNS } from "../reports/view.ts";
import { verdictNumber } from "../run/series.ts";
import { showTarget, type Target } from "../thresholds/targets.ts";

export type Panel = Builder<dashboard.Panel>;

/** The datasource that the dashboard's variable chose. */
export const DATASOURCE: common.DataSourceRef = { type: "prometheus", uid: "$datasource" };

/** A query, and how each of its series is called. */
export interface Line {
  expr: string;
  legend: string;
  /** The unit, where it is not the panel's. */
  unit?: string;
  limit?: Limit;
}

/** Where good ends. */
export interface Limit {
  value: number;
  /** Whether what is above it is good. */
  isFloor: boolean;
}

/** What every panel says of itself. `description` says what good looks like. */
export interface Text {
  title: string;
  description: string;
  width: number;
  height?: number;
}

/** The height of a panel that names none. */
const HEIGHT = 8;
const GOOD = "green";
const BAD = "red";

const VERDICT_COLOURS: Record<Verdict, string> = {
  met: "green",
  "at the edge": "yellow",
  "not measured": "text",
  missed: "red",
  "no data": "purple",
};

/** A target's limit, in its unit. The limit itself belongs to the good side unless the target excludes it. */
export function limitOf({ comparison, limit }: Target, factor = 1): Limit {
  const beside = Math.max(Math.abs(limit), 1) * 1e-9;
  const shift = { ">=": 0, "<": 0, ">": beside, "<=": beside, "==": beside }[comparison];
  return { value: (limit + shift) * factor, isFloor: comparison.startsWith(">") };
}

/** The unit of a target's values, as Grafana names it. */
export const unitOf = ({ unit }: Target): string =>
  ({
    "%": "percentunit",
    ms: "ms",
    "msg/s": "suffix:msg/s",
    "%/h": "suffix:%/h",
    "": "none",
    exponent: "none",
  })[unit];

/** "Message latency, p95 (< 100 ms)" */
export const titleOf = (row: Target): string => `${row.title} (${showTarget(row)})`;

/** "message-latency (< 100 ms)": where many stand beside each other, and titles would be too small to read. */
export const nameOf = (row: Target): string => `${row.id} (${showTarget(row)})`;

/** What all panels are begun with. */
interface Begun {
  title(title: string): this;
  description(description: string): this;
  span(width: number): this;
  height(height: number): this;
  datasource(datasource: common.DataSourceRef): this;
}

const begin = <P extends Begun>(panel: P, { title, description, width, height = HEIGHT }: Text): P =>
  panel.title(title).description(description).span(width).height(height).datasource(DATASOURCE);

const query = ({ expr, legend }: Line) => new prometheus.DataqueryBuilder().expr(expr).legendFormat(legend);
const ranged = (line: Line, i: number) => query(line).range().refId(refId(i));
const instant = (line: Line, i: number) => query(line).instant().refId(refId(i));
const refId = (i: number): string => String.fromCharCode("A".charCodeAt(0) + i);

function steps(limit: Limit | undefined): Builder<dashboard.ThresholdsConfig> {
  const [below, above] = limit?.isFloor ? [BAD, GOOD] : [GOOD, BAD];
  const all = [{ value: null, color: limit === undefined ? "text" : below }];
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(limit === undefined ? all : [...all, { value: limit.value, color: above }]);
}

const colours = (mode: dashboard.FieldColorModeId) => new dashboard.FieldColorBuilder().mode(mode);
const lastValue = () => new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false);

const mappingsTo = (text: (verdict: Verdict) => string): dashboard.ValueMapping[] => [
  {
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(
      VERDICTS.map((verdict) => [
        String(verdictNumber(verdict)),
        { text: text(verdict), color: VERDICT_COLOURS[verdict] },
      ]),
    ),
  },
];
const verdictMappings = mappingsTo((verdict) => `${SIGNS[verdict]} ${verdict}`);

/** Lines over time, with the target drawn in. */
export function graph(text: Text, unit: string, lines: readonly Line[], limit?: Limit): TimeSeries {
  const panel = begin(new TimeSeries(), text)
    .unit(unit)
    .lineWidth(2)
    .fillOpacity(5)
    .spanNulls(true)
    .showPoints(common.VisibilityMode.Auto)
    .colorScheme(colours(dashboard.FieldColorModeId.PaletteClassic))
    .thresholds(steps(limit))
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        limit === undefined ? common.GraphThresholdsStyleMode.Off : common.GraphThresholdsStyleMode.Line,
      ),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi))
    .targets(lines.map(ranged));
  // A target line that lies beyond all values is drawn all the same.
  if (limit !== undefined) panel.axisSoftMax(limit.value * 1.1).axisSoftMin(0);
  lines.forEach((line, i) => {
    if (line.unit !== undefined) panel.overrideByQuery(refId(i), [{ id: "unit", value: line.unit }]);
  });
  return panel;
}

/** Sizes at which names and values of many tiles are read from afar, in pixels; Grafana's own shrink with the longest name. */
const TILE_TEXT = new common.VizTextDisplayOptionsBuilder().titleSize(15).valueSize(24);

/** Large figures, as they stand at the end of what is shown. */
export function tiles(text: Text, unit: string, lines: readonly Line[], limit?: Limit): Stat {
  const panel = begin(new Stat(), { height: 4, ...text })
    .unit(unit)
    .thresholds(steps(limit))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName)
    .reduceOptions(lastValue())
    .noValue("not yet")
    .targets(lines.map(instant));
  lines.forEach((line, i) => {
    const own = [
      ...(line.unit === undefined ? [] : [{ id: "unit", value: line.unit }]),
      ...(line.limit === undefined ? [] : [{ id: "thresholds", value: steps(line.limit).build() }]),
    ];
    if (own.length > 0) panel.overrideByQuery(refId(i), own);
  });
  return panel;
}

/** A figure of each target, in its unit and coloured by it. */
export const targetTiles = (text: Text, lines: readonly Line[]): Stat =>
  tiles(text, "none", lines).text(TILE_TEXT);

/** Verdicts as tiles of colour and word. */
export function verdictTiles(text: Text, lines: readonly Line[]): Stat {
  return targetTiles(text, lines)
    .mappings(verdictMappings)
    .colorMode(common.BigValueColorMode.BackgroundSolid);
}

/** Where a bar is full: of a share that should be high at all of it, else at the longest that is there. */
const fullAt = (unit: string, limit: Limit | undefined): number | undefined =>
  unit === "percentunit" && limit?.isFloor ? 1 : undefined;

/** Values side by side as bars, coloured by the target. */
export function bars(text: Text, unit: string, lines: readonly Line[], limit?: Limit): BarGauge {
  const panel = begin(new BarGauge(), text)
    .unit(unit)
    .min(0)
    .thresholds(steps(limit))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(lastValue())
    .targets(lines.map(instant));
  const full = fullAt(unit, limit);
  return full === undefined ? panel : panel.max(full);
}

/** How many durations a second fell into each bucket, over time. */
export function durations(text: Text, expr: string): Panel {
  return begin(new heatmap.PanelBuilder(), text)
    .calculate(false)
    .rowsFrame(new heatmap.RowsHeatmapOptionsBuilder().layout(common.HeatmapCellLayout.Le))
    .yAxis(new heatmap.YAxisConfigBuilder().unit("s"))
    .cellValues(new heatmap.CellValuesBuilder().unit("suffix:/s"))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme("Oranges")
        .steps(64),
    )
    .cellGap(1)
    .targets([ranged({ expr, legend: "{{le}}" }, 0).format(prometheus.PromQueryFormat.Heatmap)]);
}

/** A column of a table: a query, asked once, with a value for each row. */
export interface Column {
  title: string;
  expr: string;
  /** Whether the values are times, in milliseconds since the epoch. */
  isTime?: boolean;
  /** How Grafana shows it, where it is not as the table does. */
  shown?: dashboard.DynamicConfigValue[];
}

/** The column by which rows are put in order. */
export interface Order {
  by: string;
  newestFirst: boolean;
}

const asTable = (columns: readonly Column[]) =>
  columns.map(({ expr }, i) => instant({ expr, legend: "" }, i).format(prometheus.PromQueryFormat.Table));

/** What Grafana calls the values of a query among several. */
const valuesOf = (i: number): string => `Value #${refId(i)}`;

/** The answers of several queries made one table: a row for each set of labels, in which each query is a column. */
function merged(columns: readonly Column[], order?: Order): dashboard.DataTransformerConfig[] {
  const conversions = columns.flatMap(({ isTime }, i) =>
    isTime ? [{ targetField: valuesOf(i), destinationType: "time" }] : [],
  );
  const field = valuesOf(columns.findIndex(({ title }) => title === order?.by));
  return [
    { id: "merge", options: {} },
    ...(conversions.length === 0 ? [] : [{ id: "convertFieldType", options: { conversions } }]),
    ...(order === undefined
      ? []
      : [{ id: "sortBy", options: { sort: [{ field, desc: order.newestFirst }] } }]),
  ];
}

/** Those labels that have titles, then the columns; the time of asking and the labels `without` are left out. */
function arranged(
  columns: readonly Column[],
  labels: Readonly<Record<string, string>>,
  without: readonly string[] = [],
): dashboard.DataTransformerConfig {
  const titles = { ...labels, ...Object.fromEntries(columns.map(({ title }, i) => [valuesOf(i), title])) };
  return {
    id: "organize",
    options: {
      excludeByName: left("Time", ...without),
      indexByName: Object.fromEntries(Object.keys(titles).map((name, i) => [name, i])),
      renameByName: titles,
    },
  };
}

const left = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true]));

/** The builder has no method for it yet. */
const WRAPPED_HEADER: dashboard.DynamicConfigValue[] = [{ id: "custom.wrapHeaderText", value: true }];

/** A row for each set of `labels`, which have titles. */
export function table(
  text: Text,
  labels: Readonly<Record<string, string>>,
  columns: readonly Column[],
  order?: Order,
): Table {
  const panel = begin(new Table(), text)
    .mappings(verdictMappings)
    .minWidth(60)
    .overrideByRegexp("/.*/", WRAPPED_HEADER)
    .cellHeight(common.TableCellHeight.Md)
    .targets(asTable(columns))
    .transformations([...merged(columns, order), arranged(columns, labels)]);
  for (const { title, isTime, shown = [] } of columns) {
    const own = [...(isTime ? TIME : []), ...shown];
    if (own.length > 0) panel.overrideByName(title, own);
  }
  return panel;
}

const TIME: dashboard.DynamicConfigValue[] = [
  { id: "unit", value: "time:YYYY-MM-DD HH:mm" },
  { id: "custom.width", value: 150 },
];

/**
 * How the cells of a column are shown: as a verdict's colour and word, or sign where columns are many, as a number, as a
 * bar by a target, or not at all.
 */
export const AS_VERDICT: dashboard.DynamicConfigValue[] = [
  {
    id: "custom.cellOptions",
    value: {
      type: common.TableCellDisplayMode.ColorBackground,
      mode: common.TableCellBackgroundDisplayMode.Basic,
    },
  },
  { id: "custom.align", value: common.FieldTextAlignment.Center },
];
export const AS_SIGN: dashboard.DynamicConfigValue[] = [
  ...AS_VERDICT,
  { id: "mappings", value: mappingsTo((verdict) => SIGNS[verdict]) },
];
export const AS_NUMBER: dashboard.DynamicConfigValue[] = [{ id: "mappings", value: [] }];
export const asBar = (row: Target): dashboard.DynamicConfigValue[] => [
  ...AS_NUMBER,
  { id: "unit", value: unitOf(row) },
  { id: "min", value: 0 },
  ...[fullAt(unitOf(row), limitOf(row))].flatMap((value) =>
    value === undefined ? [] : [{ id: "max", value }],
  ),
  // Else the bars would be as long as the numbers of verdicts allow.
  { id: "fieldMinMax", value: true },
  { id: "thresholds", value: steps(limitOf(row)).build() },
  {
    id: "custom.cellOptions",
    value: { type: common.TableCellDisplayMode.Gauge, mode: common.BarGaugeDisplayMode.Basic },
  },
];
export const HIDDEN: dashboard.DynamicConfigValue[] = [{ id: "custom.hideFrom.viz", value: true }];

/** The names of targets as a table shows them, instead of their ids. */
export const targetTitles = (rows: readonly Target[]): dashboard.ValueMapping => ({
  type: dashboard.MappingType.ValueToText,
  options: Object.fromEntries(rows.map((row) => [row.id, { text: titleOf(row) }])),
});

/** Verdicts over time, a band each column but the one of times: a state begins at the time of each row. */
export function verdictHistory(
  text: Text,
  columns: readonly Column[],
  by: string,
  without: readonly string[],
) {
  return begin(new StateTimeline(), text)
    .mappings(verdictMappings)
    .colorScheme(colours(dashboard.FieldColorModeId.Thresholds))
    .mergeValues(false)
    .showValue(common.VisibilityMode.Auto)
    .legend(
      new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.Hidden),
    )
    .targets(asTable(columns))
    .transformations([...merged(columns, { by, newestFirst: false }), arranged(columns, {}, without)]);
}

/** A point for each row, at the time that the column `by` holds; a line for each set of the labels `lines`. */
export function history(
  text: Text,
  unit: string,
  columns: readonly Column[],
  by: string,
  lines: readonly string[],
  without: readonly string[],
  limit: Limit,
): TimeSeries {
  return (
    graph(text, unit, [], limit)
      .showPoints(common.VisibilityMode.Always)
      .pointSize(8)
      // Nothing may be renamed before: a name that a transformation gave would win.
      .displayName(lines.map((label) => `\${__field.labels.${label}}`).join(" "))
      .targets(asTable(columns))
      .transformations([
        ...merged(columns, { by, newestFirst: false }),
        { id: "organize", options: { excludeByName: left("Time", ...without) } },
        { id: "partitionByValues", options: { fields: [...lines], keepFields: false } },
      ])
  );
}
