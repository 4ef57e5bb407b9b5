import { TRANSPORTS } from "../record/record.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { counterSeries, OUTCOMES_SERIES } from "../run/series.ts";
import { showTarget, TARGETS, target } from "../thresholds/targets.ts";
import { frame, inRows, oneRun, reportLink, several, testMarks } from "./frame.ts";
import {
  AS_NUMBER,
  AS_VERDICT,
  bars,
  graph,
  limitOf,
  type Panel,
  table,
  targetTitles,
  titleOf,
  unitOf,
} from "./panels.ts";
import { FIGURES, type Figure } from "./parts.ts";
import { last, lastGauge, quantile, WHOLE_RUN } from "./promql.ts";

/** The two runs that the variables chose. */
const PAIR = 'testid=~"$sse|$ws"';

const COLOURS = { sse: "orange", ws: "blue" } as const;

/** Both runs in one panel, so on the same axes, always in the same colours. */
function pair(figure: Figure, good = figure.good): Panel {
  const panel = graph(
    { title: figure.title, description: `${figure.about} Good: ${good}`, width: 12 },
    figure.unit,
    [{ expr: figure.expr(PAIR, "transport"), legend: "{{transport}}" }],
    figure.limit,
  );
  for (const transport of TRANSPORTS) {
    panel.overrideByName(transport, [
      { id: "color", value: { mode: "fixed", fixedColor: COLOURS[transport] } },
    ]);
  }
  return panel;
}

const latency: Figure = {
  title: "Message latency, p95",
  about: "SSE runs first, then WebSocket, with the same load.",
  good: `below the line, ${showTarget(target("message-latency"))}.`,
  unit: "s",
  expr: (where, by) => quantile(0.95, "message_latency", where, by),
  limit: limitOf(target("message-latency"), 0.001),
};

/** The verdicts on all targets in the run that a variable chose, in the plan's order: Prometheus keeps that of `or`. */
const verdictsOf = (variable: string): string =>
  TARGETS.map(({ id }) =>
    lastGauge("target_verdict", `testid="$${variable}",${WHOLE_RUN},target="${id}"`, "target"),
  ).join(" or ");

const rows: Record<string, Panel[]> = {
  "Target by target": [
    table(
      {
        title: "Verdicts: target × transport",
        description: "The verdicts of both runs. Good: every target met over WebSocket, whatever SSE missed.",
        width: 24,
        height: 16,
      },
      { target: "Target" },
      TRANSPORTS.map((transport) => ({
        title: TRANSPORT_NAMES[transport],
        expr: verdictsOf(transport),
        shown: AS_VERDICT,
      })),
    ).overrideByName("Target", [{ id: "mappings", value: [targetTitles(TARGETS)] }]),
    ...TARGETS.map((row) =>
      bars(
        {
          title: titleOf(row),
          description: `${row.title}, over SSE and over WebSocket. Good: ${showTarget(row)} (green). The test plan says of SSE: ${row.before}.`,
          width: 6,
          height: 5,
        },
        unitOf(row),
        [
          {
            expr: lastGauge("target_value", `${PAIR},${WHOLE_RUN},target="${row.id}"`, "transport"),
            legend: "{{transport}}",
          },
        ],
        limitOf(row),
      ),
    ),
  ],
  Outcomes: [
    table(
      {
        title: "Streams that ended: outcome × transport",
        description: `${FIGURES.outcomes.about} Good: ${FIGURES.outcomes.good}`,
        width: 24,
        height: 13,
      },
      { outcome: "Outcome" },
      TRANSPORTS.map((transport) => ({
        title: TRANSPORT_NAMES[transport],
        expr: `sum by (outcome) (${last(counterSeries(OUTCOMES_SERIES), `testid="$${transport}"`)})`,
        shown: AS_NUMBER,
      })),
    ),
  ],
  "Over time": [
    pair(latency),
    pair(FIGURES.delivery),
    pair(FIGURES.connections),
    pair(FIGURES.received, "as high over WebSocket as over SSE, or higher: the load is the same."),
    pair(FIGURES.health),
    pair(FIGURES.memory, "it does not grow under the same load."),
    pair(FIGURES.processor, "no more over WebSocket than over SSE."),
  ],
};

/** The two runs of a comparison: their verdicts side by side, their figures on the same axes. */
export const comparisonDashboard = inRows(
  TRANSPORTS.reduce(
    (builder, transport) => builder.link(reportLink(`${TRANSPORT_NAMES[transport]} report`, transport)),
    frame(
      "plan-load-comparison",
      "Plan load: SSE against WebSocket",
      "The two runs of a comparison: the same load over SSE and over WebSocket.",
      "1h",
      [
        several("release", "Release"),
        several("profile", "Profile"),
        ...TRANSPORTS.map((transport) =>
          oneRun(
            transport,
            `${TRANSPORT_NAMES[transport]} run`,
            `transport="${transport}",release=~"$release",profile=~"$profile"`,
          ),
        ),
      ],
    ).annotation(testMarks(PAIR)),
  ),
  rows,
);
