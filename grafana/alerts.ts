import type { Rule } from "@grafana/grafana-foundation-sdk/alerting";
import { VERDICTS } from "../record/record.ts";
import { gaugeSeries, verdictNumber } from "../run/series.ts";
import { fails } from "../thresholds/judge.ts";
import { show, showTarget, TARGETS, type Target, target } from "../thresholds/targets.ts";
import { newestRuns, ofRuns, WHOLE_RUN } from "./promql.ts";

/** An alert, as Prometheus and Grafana both understand it. Templates use {{ .Labels }}, which both expand. */
export interface Alert {
  name: string;
  /** PromQL with a result for each that is wrong, and none when all is well. */
  expr: string;
  /** How long that must last. */
  lasting: string;
  summary: string;
  description: string;
}

/** Conditions: runs that a schedule started. Runs that a person starts are watched by that person. */
const SCHEDULED = 'trigger="schedule"';
/** A missed target is told until a newer run of the same kind meets it, or for so long. */
const TOLD_FOR = "2d";
/** Where scheduled runs came within so long, one is expected every day. */
const KNOWN_FOR = "90d";
/** A day, and what one day's run may end later than the one before. */
const EXPECTED_WITHIN = "26h";
/** The window of the memory's slope: below it a slope says more of a process's start than of a leak. */
const SLOPE_WINDOW = "30m";

const ENDED = gaugeSeries("run_ended_seconds");
/** Verdicts are numbered from best to worst: from this one on they fail a run. */
const WORST_GOOD = Math.min(...VERDICTS.filter((verdict) => fails({ verdict })).map(verdictNumber));

/** The slope of the server's memory in percent of its mean per hour. `where` are PromQL label conditions. */
export function memoryGrowth(where: string, window: string): string {
  const memory = `${gaugeSeries("server_memory_bytes")}{${where}}[${window}]`;
  return `100 * 3600 * deriv(${memory}) / avg_over_time(${memory})`;
}

/** Of each transport and profile the newest scheduled run that was judged by the target missed it, or had no data. */
function missed(row: Target): Alert {
  const verdicts = `last_over_time(${gaugeSeries("target_verdict")}{${SCHEDULED},${WHOLE_RUN},target="${row.id}"}[${TOLD_FOR}])`;
  const ended = `last_over_time(${ENDED}{${SCHEDULED}}[${TOLD_FOR}])`;
  const newest = newestRuns(ended, verdicts, 1, "transport, profile");
  return {
    name: `${pascalCase(row.id)}Missed`,
    expr: ofRuns(`${verdicts} >= ${WORST_GOOD}`, newest),
    lasting: "0s",
    summary: `${row.title}: release {{ .Labels.release }} over {{ .Labels.transport }} is not ${showTarget(row)}`,
    description: `The scheduled run {{ .Labels.testid }} (profile {{ .Labels.profile }}) missed the target ${row.id}, ${showTarget(row)}, or had no data on it. See its report, results/{{ .Labels.testid }}/report.html.`,
  };
}

const seen = (within: string): string => `count(last_over_time(${ENDED}{${SCHEDULED}}[${within}]))`;

const noScheduledRun: Alert = {
  name: "NoScheduledRun",
  expr: `${seen(KNOWN_FOR)} unless ${seen(EXPECTED_WITHIN)}`,
  lasting: "0s",
  summary: "No scheduled load test has ended for a day",
  description: `Scheduled runs came within the last ${KNOWN_FOR}, and none has ended for a day. See whether the schedule still starts them, and whether their results reach Prometheus.`,
};

function memoryGrows(): Alert {
  const row = target("memory-stability");
  const memory = `${gaugeSeries("server_memory_bytes")}{${SCHEDULED}}`;
  // From both ends: behind the end of a run the window empties, and the slope of a run's last minutes says nothing.
  const windowIsFull = `${memory} and ${memory} offset ${SLOPE_WINDOW}`;
  return {
    name: "ServerMemoryGrows",
    expr: `${memoryGrowth(SCHEDULED, SLOPE_WINDOW)} > ${row.limit} and ${windowIsFull}`,
    lasting: SLOPE_WINDOW,
    summary: `The server's memory grows by more than ${show(row, row.limit)} under release {{ .Labels.release }}`,
    description: `For ${SLOPE_WINDOW} the memory's slope has been above the target ${row.id}, ${showTarget(row)}, in the run {{ .Labels.testid }} over {{ .Labels.transport }}. See the dashboard Endurance.`,
  };
}

/** All alerts: one for each target, and two of the schedule itself. */
export const alerts = (): Alert[] => [...TARGETS.map(missed), noScheduledRun, memoryGrows()];

/** The rule file for Prometheus. */
export const prometheusRules = () => ({
  groups: [
    {
      name: "plan-load",
      rules: alerts().map(({ name, expr, lasting, summary, description }) => ({
        alert: name,
        expr,
        for: lasting,
        labels: { severity: "warning" },
        annotations: { summary, description },
      })),
    },
  ],
});

/** The provisioned datasource, contact point (see grafana/provisioning) and folder. */
export const DATASOURCE_UID = "plan-load-prometheus";
export const CONTACT_POINT = "plan-load";
const FOLDER = "Plan load";

/** The same alerts, as Grafana provisions them. */
export const grafanaRules = () => ({
  apiVersion: 1,
  groups: [{ orgId: 1, name: "plan-load", folder: FOLDER, interval: "1m", rules: alerts().map(grafanaRule) }],
});

const ALERTING: Pick<Rule, "condition" | "noDataState" | "execErrState" | "notification_settings"> = {
  condition: "B",
  noDataState: "OK",
  execErrState: "Error",
  notification_settings: { receiver: CONTACT_POINT },
};

function grafanaRule({ name, expr, lasting, summary, description }: Alert) {
  const relativeTimeRange = { from: 600, to: 0 };
  const results = { refId: "A", expr, instant: true, range: false };
  const anyResult = {
    refId: "B",
    type: "threshold",
    expression: "A",
    conditions: [{ evaluator: { type: "gt", params: [0] } }],
  };
  return {
    uid: `plan-load-${name}`,
    title: name,
    data: [
      { refId: "A", relativeTimeRange, datasourceUid: DATASOURCE_UID, model: results },
      { refId: "B", relativeTimeRange, datasourceUid: "__expr__", model: anyResult },
    ],
    for: lasting,
    labels: { severity: "warning" },
    annotations: { summary, description },
    ...ALERTING,
  };
}

/** "message-latency" becomes "MessageLatency". */
function pascalCase(id: string): string {
  return id.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}
