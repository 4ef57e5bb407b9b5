import { gaugeSeries } from "../run/series.ts";
import { showTarget, TARGETS, type Target } from "../thresholds/targets.ts";
import { frame, inRows, linksOfRun, runFilters } from "./frame.ts";
import {
  bars,
  graph,
  limitOf,
  type Panel,
  titleOf,
  unitOf,
  verdictHistory,
  verdictMatrix,
} from "./panels.ts";
import { ADMITTED_RUNS, last, ofNewestRuns, WHOLE_RUN } from "./promql.ts";

const RUNS = 10;

/** The worst of a target's values, where a step of time holds several runs. */
const worst = ({ comparison }: Target): string => (comparison.startsWith(">") ? "min" : "max");

/** A run writes its targets once, at its end: a step of time shows the runs that ended within it. */
const inStep = (series: string, where: string): string => `last_over_time(${series}{${where}}[$__interval])`;

const VALUE = gaugeSeries("target_value");
const VERDICT = gaugeSeries("target_verdict");
const OF_RELEASE = "release, transport";

const history = (row: Target): Panel[] => {
  const where = `${ADMITTED_RUNS},${WHOLE_RUN},target="${row.id}"`;
  return [
    graph(
      {
        title: titleOf(row),
        description: `${row.title}, run after run, for each release and transport. Good: ${showTarget(row)}, the side of the line that is green in the bars beside it. Before: ${row.before}.`,
        width: 16,
      },
      unitOf(row),
      [
        {
          expr: `${worst(row)} by (${OF_RELEASE}) (${inStep(VALUE, where)})`,
          legend: "{{release}} {{transport}}",
        },
      ],
      limitOf(row),
    ),
    bars(
      {
        title: "Newest run of each release",
        description: `${row.title} in the newest run of each release. Good: green, ${showTarget(row)}.`,
        width: 8,
      },
      unitOf(row),
      [
        {
          expr: `max by (${OF_RELEASE}, testid) (${ofNewestRuns(last(VALUE, where), ADMITTED_RUNS, 1, OF_RELEASE)})`,
          legend: "{{release}} {{transport}}",
        },
      ],
      limitOf(row),
    ).dataLinks(linksOfRun()),
  ];
};

const rows: Record<string, Panel[]> = {
  Verdicts: [
    verdictHistory(
      {
        title: `The last ${RUNS} runs over $transport`,
        description: `The verdict of each target over the last ${RUNS} runs that the variables admit; each state begins where a run ended. Good: green from end to end.`,
        width: 12,
      },
      {
        expr: `max by (target) (${ofNewestRuns(inStep(VERDICT, `${ADMITTED_RUNS},${WHOLE_RUN}`), ADMITTED_RUNS, RUNS, "transport")})`,
        legend: "{{target}}",
      },
    )
      .repeat("transport")
      .repeatDirection("h"),
  ],
  "Verdicts by release": [
    verdictMatrix(
      {
        title: "Newest run of each release",
        description:
          "Target by release, the worse of the chosen transports. Good: met in the newest release.",
        width: 24,
      },
      `max by (target, release) (${ofNewestRuns(last(VERDICT, `${ADMITTED_RUNS},${WHOLE_RUN}`), ADMITTED_RUNS, 1, OF_RELEASE)})`,
      "target",
      "release",
    ),
  ],
  Targets: TARGETS.flatMap(history),
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
