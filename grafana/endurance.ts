import { type GaugeName, gaugeSeries } from "../run/series.ts";
import { showTarget, target } from "../thresholds/targets.ts";
import { memoryGrowth } from "./alerts.ts";
import { frame, inRows, oneRun, reportLink, runFilters, testMarks } from "./frame.ts";
import { graph, type Line, limitOf, type Panel, tiles, titleOf, unitOf } from "./panels.ts";
import { FIGURES, measured, ofRun, verdicts } from "./parts.ts";
import { ADMITTED_RUNS, CHOSEN_RUN, gauge, largest, last, now, streamsEnded, WHOLE_RUN } from "./promql.ts";

const JUDGED = (["memory-stability", "cpu-efficiency", "resource-stability"] as const).map(target);
const growth = target("memory-stability");
/** The window in which the band and the slope are taken. */
const WINDOW = "30m";

/** A gauge with the band in which it moved: two standard deviations about its mean within the window. */
function banded(name: GaugeName, legend: string): Line[] {
  const [mean, deviation] = ["avg", "stddev"].map((over) =>
    largest(`${over}_over_time(${gaugeSeries(name)}{${CHOSEN_RUN}}[${WINDOW}])`, ""),
  );
  return [
    { expr: gauge(name), legend },
    { expr: `${mean} - 2 * ${deviation}`, legend: "band, low" },
    { expr: `${mean} + 2 * ${deviation}`, legend: "band, high" },
  ];
}

const withBand = (title: string, description: string, unit: string, width: number, name: GaugeName): Panel =>
  graph({ title, description, width, height: 10 }, unit, banded(name, "measured"))
    .overrideByName("band, high", [
      { id: "custom.fillBelowTo", value: "band, low" },
      { id: "custom.lineWidth", value: 0 },
      { id: "custom.fillOpacity", value: 15 },
    ])
    .overrideByName("band, low", [{ id: "custom.lineWidth", value: 0 }]);

const rows: Record<string, Panel[]> = {
  Verdict: [
    verdicts(
      {
        title: "Verdicts",
        description: "What only hours show: set at the run's end. Good: met.",
        width: 8,
        height: 5,
      },
      JUDGED,
    ),
    measured(
      {
        title: "Measured",
        description: "With the target in brackets. Good: green.",
        width: 8,
        height: 5,
      },
      JUDGED,
    ),
    tiles(
      {
        title: `${growth.title}: slope and its 95 % interval`,
        description: `The slope over the run's load, after warm-up, as it was judged at the end. Good: the whole interval ${showTarget(growth)}.`,
        width: 8,
        height: 5,
      },
      unitOf(growth),
      (["target_low", "target_value", "target_high"] as const).map((name, i) => ({
        expr: last(gaugeSeries(name), `${CHOSEN_RUN},${WHOLE_RUN},target="${growth.id}"`),
        legend: ["at least", "slope", "at most"][i] ?? "",
        limit: limitOf(growth),
      })),
    ),
  ],
  Memory: [
    withBand(
      "Server memory",
      `Resident memory of the server's process, in the band of the ${WINDOW} before. Good: flat, after the first minutes.`,
      "bytes",
      14,
      "server_memory_bytes",
    ),
    graph(
      {
        title: titleOf(growth),
        description: `The slope within the last ${WINDOW}, in percent of the mean per hour. Good: about the line or below it once ${WINDOW} have passed; before that it says more of the process's start.`,
        width: 10,
        height: 10,
      },
      unitOf(growth),
      [{ expr: largest(memoryGrowth(CHOSEN_RUN, WINDOW), ""), legend: "slope" }],
      limitOf(growth),
    ),
  ],
  "Threads and files": [
    withBand(
      "Threads",
      "Of the server's process. Good: the same band from beginning to end.",
      "short",
      12,
      "server_threads",
    ),
    withBand(
      "Open files",
      "Of the server's process. Good: the same band from beginning to end.",
      "short",
      12,
      "server_open_files",
    ),
  ],
  "The load beside it": [
    ofRun(FIGURES.processor, {
      width: 6,
      good: `steady under load; with idle streams ${showTarget(target("cpu-efficiency"))}.`,
    }),
    graph(
      {
        title: "Streams opened and ended",
        description: "So far. Good: the two lines stay as far apart as there are clients.",
        width: 6,
      },
      "short",
      [
        { expr: now("streams_opened"), legend: "opened" },
        { expr: streamsEnded, legend: "ended" },
      ],
    ),
    ofRun(FIGURES.received, { width: 6, good: "steady for hours." }),
    ofRun(FIGURES.generatorMemory, { width: 6 }),
  ],
};

/** Hours of memory, threads and files. */
export const enduranceDashboard = inRows(
  frame(
    "plan-load-endurance",
    "Plan load: endurance",
    "Hours of the server's memory, threads and open files, with slope and band.",
    "6h",
    [...runFilters(), oneRun("testid", "Run", ADMITTED_RUNS)],
  )
    .refresh("1m")
    .annotation(testMarks())
    .link(reportLink("Report of this run")),
  rows,
);
