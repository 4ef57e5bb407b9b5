import { VERDICTS as VERDICT_NAMES } from "../record/record.ts";
import { SIGNS } from "../reports/view.ts";
import { gaugeSeries } from "../run/series.ts";
import { showTarget, TARGETS, type Target } from "../thresholds/targets.ts";
import { frame, inRows, linksOfRun, runFilters } from "./frame.ts";
import {
  AS_SIGN,
  AS_VERDICT,
  asBar,
  type Column,
  HIDDEN,
  history,
  limitOf,
  type Panel,
  table,
  titleOf,
  unitOf,
  verdictHistory,
} from "./panels.ts";
import { ADMITTED_RUNS, largest, last, newestRuns, ofRuns, WHOLE_RUN } from "./promql.ts";

/**
 * A run writes its verdicts once. So that runs that lie close together are told apart at any range, panels ask once for
 * all runs of the range, and take the time of each from the series that hold it, not from the step of a graph.
 */

const RUNS = 10;
const RUN = ["testid", "release", "transport"];
const OF_RUN = RUN.join(", ");
const OF_RELEASE = "release, transport";

const STARTED = last(gaugeSeries("run_started_seconds"), ADMITTED_RUNS);
const ENDED = last(gaugeSeries("run_ended_seconds"), ADMITTED_RUNS);
const VERDICTS = last(gaugeSeries("target_verdict"), `${ADMITTED_RUNS},${WHOLE_RUN}`);
const ofTarget = (name: "target_value" | "target_verdict", { id }: Target): string =>
  last(gaugeSeries(name), `${ADMITTED_RUNS},${WHOLE_RUN},target="${id}"`);

/** In the dashboard Run a run is shown from a little before its start to a little after its end. */
const MARGIN_MS = 10_000;
const TIMES = { id: "Run", start: "Started", end: "Ended" } as const;
const LINKED = [{ id: "links", value: linksOfRun(TIMES) }];

/** Whole ones: Grafana reads a number of another length in a link as a date. */
const milliseconds = (seconds: string, by: string): string => `floor(1000 * ${largest(seconds, by)})`;

const startOf = (runs: string): Column => ({
  title: TIMES.start,
  expr: `${milliseconds(ofRuns(STARTED, runs), OF_RUN)} - ${MARGIN_MS}`,
  isTime: true,
});
const endOf = (runs: string, by = OF_RUN): Column => ({
  title: TIMES.end,
  expr: `${milliseconds(ofRuns(ENDED, runs), by)} + ${MARGIN_MS}`,
  isTime: true,
});
const hidden = (column: Column): Column => ({ ...column, shown: HIDDEN });

/** "✓ met, ✗ missed": what the signs in the cells say. */
const LEGEND = `${VERDICT_NAMES.map((verdict) => `${SIGNS[verdict]} ${verdict}`).join(", ")}.`;

/** The verdicts of runs on each target, in the plan's order: a column each. */
const verdicts = (runsOf: (row: Target) => string, by: string): Column[] =>
  TARGETS.map((row) => ({
    title: row.id,
    expr: largest(ofRuns(ofTarget("target_verdict", row), runsOf(row)), by),
    shown: AS_SIGN,
  }));

/** Of each release and transport the newest run that was judged by the target: as the alerts look at it. */
const newestOf = (row: Target): string => newestRuns(ENDED, ofTarget("target_verdict", row), 1, OF_RELEASE);

const JUDGED = newestRuns(ENDED, VERDICTS, RUNS, "transport");

const overTime = (row: Target): Panel =>
  history(
    {
      title: titleOf(row),
      description: `${row.title} in every run, at the time of its end, for each release and transport. Good: ${showTarget(row)}, the side of the line that is green in the table beside it. Before: ${row.before}.`,
      width: 14,
    },
    unitOf(row),
    [
      endOf(ofTarget("target_verdict", row)),
      { title: "Measured", expr: largest(ofTarget("target_value", row), OF_RUN) },
    ],
    TIMES.end,
    ["release", "transport"],
    ["testid"],
    limitOf(row),
  );

const byRelease = (row: Target): Panel => {
  const newest = newestOf(row);
  return table(
    {
      title: `${row.id}: newest run of each release`,
      description: `${row.title} in the newest run of each release that was judged by it; a click on the release leads to that run. Good: green, ${showTarget(row)}.`,
      width: 10,
    },
    { testid: TIMES.id, release: "Release", transport: "Transport" },
    [
      hidden(startOf(newest)),
      hidden(endOf(newest)),
      {
        title: "Verdict",
        expr: largest(ofRuns(ofTarget("target_verdict", row), newest), OF_RUN),
        shown: AS_VERDICT,
      },
      {
        title: "Measured",
        expr: largest(ofRuns(ofTarget("target_value", row), newest), OF_RUN),
        shown: asBar(row),
      },
    ],
    { by: TIMES.end, newestFirst: true },
  )
    .overrideByName(TIMES.id, HIDDEN)
    .overrideByName("Release", LINKED);
};

const rows: Record<string, Panel[]> = {
  Verdicts: [
    verdictHistory(
      {
        title: `The last ${RUNS} runs over $transport`,
        description: `The verdict of each target over the last ${RUNS} runs that the variables admit; each state begins where a run ended, also where two lie close together: zoom in, or see the table below. Good: green from end to end.`,
        width: 24,
        height: 14,
      },
      [endOf(JUDGED), ...verdicts(() => JUDGED, OF_RUN)],
      TIMES.end,
      RUN,
    )
      .repeat("transport")
      .repeatDirection("h"),
    table(
      {
        title: `The last ${RUNS} runs over each transport, one by one`,
        description: `A row each run, the newest on top; a click on its start leads to the run and its report. ${LEGEND} Empty: the run has no test of that target. Good: green in all of them.`,
        width: 24,
        height: 14,
      },
      { testid: TIMES.id, release: "Release", transport: "Transport" },
      [startOf(JUDGED), hidden(endOf(JUDGED)), ...verdicts(() => JUDGED, OF_RUN)],
      { by: TIMES.end, newestFirst: true },
    )
      .overrideByName(TIMES.id, HIDDEN)
      .overrideByName(TIMES.start, LINKED),
  ],
  "Verdicts by release": [
    table(
      {
        title: "Newest run of each release",
        description: `For each target the newest run of the release that was judged by it, as the alerts look at it. ${LEGEND} Good: met in the newest release, on top.`,
        width: 24,
        height: 10,
      },
      { release: "Release", transport: "Transport" },
      [endOf(VERDICTS, OF_RELEASE), ...verdicts(newestOf, OF_RELEASE)],
      { by: TIMES.end, newestFirst: true },
    ),
  ],
  Targets: TARGETS.flatMap((row) => [overTime(row), byRelease(row)]),
};

/** Every target over releases and over time. */
export const releasesDashboard = inRows(
  frame(
    "plan-load-releases",
    "Plan load: releases",
    "Every target over releases and over time, with the target's line.",
    "90d",
    runFilters(),
  ),
  rows,
);
