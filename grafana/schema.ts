import type { HideSeriesConfig } from "@grafana/schema/dist/types/common/common.gen.d.ts";
import type * as BarGauge from "@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen.d.ts";
import type * as Heatmap from "@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen.d.ts";
import type * as Stat from "@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type * as StateTimeline from "@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen.d.ts";
import type * as Table from "@grafana/schema/dist/types/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type * as TimeSeries from "@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";
import type {
  AnnotationQuery,
  Dashboard,
  FieldConfig,
  VariableModel,
} from "@grafana/schema/dist/types/raw/dashboard/x/dashboard_types.gen.d.ts";

/** A kind of panel: its options, and what it adds to the settings of a field, of which some are set. */
interface Kind<Options, Custom> {
  options: Options;
  custom: Partial<Custom>;
}
/** An override hides a column in the table alone. */
type Column = Omit<Table.FieldConfig, "hideFrom"> & { hideFrom: Partial<HideSeriesConfig> };

/**
 * What Grafana, in the version that compose.yaml starts, says that a dashboard is: a schema is made of this type, and the
 * committed files are held against it. The Prometheus datasource adds fields of its own to marks, and the builder adds
 * some to variables that Grafana passes over.
 */
export interface Checked {
  dashboard: Omit<Dashboard, "annotations" | "templating"> & {
    annotations?: { list?: (AnnotationQuery & { expr: string; step: string; titleFormat: string })[] };
    templating?: { list?: (VariableModel & { auto?: boolean; auto_min?: string; auto_count?: number })[] };
  };
  field: FieldConfig;
  bargauge: Kind<BarGauge.Options, object>;
  heatmap: Kind<Heatmap.Options, Heatmap.FieldConfig>;
  stat: Kind<Stat.Options, object>;
  "state-timeline": Kind<StateTimeline.Options, StateTimeline.FieldConfig>;
  table: Kind<Table.Options, Column>;
  timeseries: Kind<TimeSeries.Options, TimeSeries.FieldConfig>;
}
