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
interface Text {
  title: string;
  description: string;
  width: number;
  height?: number;
}

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
    "msg/s": "suffix: msg/s",
    "%/h": "suffix: %/h",
    "": "none",
    exponent: "none",
  })[unit];

/** "Message latency, p95 (< 100 ms)" */
export const titleOf = (row: Target): string => `${row.title} (${showTarget(row)})`;

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

const verdictMappings: dashboard.ValueMapping[] = [
  {
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(
      VERDICTS.map((verdict) => [
        String(verdictNumber(verdict)),
        { text: `${SIGNS[verdict]} ${verdict}`, color: VERDICT_COLOURS[verdict] },
      ]),
    ),
  },
];

/** Lines over time, with the target drawn in. */
export function graph(
  { title, description, width, height = HEIGHT }: Text,
  unit: string,
  lines: readonly Line[],
  limit?: Limit,
): TimeSeries {
  const panel = new TimeSeries()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
    .unit(unit)
    .lineWidth(2)
    .fillOpacity(5)
    .spanNulls(true)
    .showPoints(common.VisibilityMode.Auto)
    .colorScheme(colours(dashboard.FieldColorModeId.PaletteClassicByName))
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

/** Large figures, as they stand at the end of what is shown. */
export function tiles(
  { title, description, width, height = 4 }: Text,
  unit: string,
  lines: readonly Line[],
  limit?: Limit,
): Stat {
  const panel = new Stat()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
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

/** Verdicts as tiles of colour and word. */
export function verdictTiles(text: Text, line: Line): Stat {
  return tiles(text, "none", [line])
    .mappings(verdictMappings)
    .colorMode(common.BigValueColorMode.BackgroundSolid);
}

/** Values side by side as bars, coloured by the target. */
export function bars(
  { title, description, width, height = HEIGHT }: Text,
  unit: string,
  lines: readonly Line[],
  limit?: Limit,
): BarGauge {
  return new BarGauge()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .thresholds(steps(limit))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(lastValue())
    .targets(lines.map(instant));
}

/** How many durations fell into each bucket, over time. */
export function durations({ title, description, width, height = HEIGHT }: Text, expr: string): Panel {
  return new heatmap.PanelBuilder()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
    .calculate(false)
    .rowsFrame(new heatmap.RowsHeatmapOptionsBuilder().layout(common.HeatmapCellLayout.Le))
    .yAxis(new heatmap.YAxisConfigBuilder().unit("s"))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme("Oranges")
        .steps(64),
    )
    .cellGap(1)
    .targets([ranged({ expr, legend: "{{le}}" }, 0).format(prometheus.PromQueryFormat.Heatmap)]);
}

/** Verdicts over time, a row a target. */
export function verdictHistory({ title, description, width, height = 14 }: Text, line: Line): StateTimeline {
  return new StateTimeline()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
    .mappings(verdictMappings)
    .colorScheme(colours(dashboard.FieldColorModeId.Thresholds))
    .spanNulls(true)
    .mergeValues(false)
    .showValue(common.VisibilityMode.Auto)
    .legend(
      new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.Hidden),
    )
    .targets([ranged(line, 0)]);
}

/** Verdicts as a table: a row each `row`, a column each `column` (labels of the query's series). */
export function verdictMatrix(
  { title, description, width, height = 14 }: Text,
  expr: string,
  row: string,
  column: string,
): Table {
  return new Table()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .datasource(DATASOURCE)
    .mappings(verdictMappings)
    .cellOptions({ type: common.TableCellDisplayMode.ColorText })
    .targets([instant({ expr, legend: "" }, 0).format(prometheus.PromQueryFormat.Table)])
    .withTransformation({
      id: "groupingToMatrix",
      options: { rowField: row, columnField: column, valueField: "Value", emptyValue: "null" },
    });
}
