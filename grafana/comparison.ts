import { TRANSPORTS } from "../record/record.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { counterSeries, gaugeSeries, OUTCOMES_SERIES } from "../run/series.ts";
import { STALL_MS, showTarget, TARGETS, target } from "../thresholds/targets.ts";
import { frame, inRows, oneRun, reportLink, several, testMarks } from "./frame.ts";
import { bars, graph, type Line, limitOf, type Panel, titleOf, unitOf, verdictMatrix } from "./panels.ts";
import { deliveryShare, gauge, lastGauge, perSecond, quantile, share, WHOLE_RUN } from "./promql.ts";

/** The two runs that the variables chose. */
const PAIR = 'testid=~"$sse|$ws"';
const latencyLimit = limitOf(target("message-latency"), 0.001);

const COLOURS = { sse: "orange", ws: "blue" } as const;

/** Both runs in one panel, so on the same axes, always in the same colours. */
function pair(
  title: string,
  description: string,
  unit: string,
  lines: readonly Line[],
  limit?: ReturnType<typeof limitOf>,
): Panel {
  const panel = graph({ title, description, width: 12 }, unit, lines, limit);
  for (const transport of TRANSPORTS) {
    panel.overrideByRegexp(`/^${transport}/`, [
      { id: "color", value: { mode: "fixed", fixedColor: COLOURS[transport] } },
    ]);
  }
  return panel;
}

const rows: Record<string, Panel[]> = {
  "Target by target": [
    verdictMatrix(
      {
        title: "Verdicts: target × transport",
        description: "The verdicts of both runs. Good: every target met over WebSocket, whatever SSE missed.",
        width: 24,
      },
      lastGauge("target_verdict", `${PAIR},${WHOLE_RUN}`, "target, transport"),
      "target",
      "transport",
    ),
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
  "Over time": [
    pair(
      "Message latency, p95",
      `SSE runs first, then WebSocket, with the same load. Good: below the line, ${showTarget(target("message-latency"))}.`,
      "s",
      [{ expr: quantile(0.95, "message_latency", PAIR, "transport"), legend: "{{transport}}" }],
      latencyLimit,
    ),
    pair(
      titleOf(target("message-delivery")),
      "Messages delivered, once and in order, in messages due, of the streams that ended within a moving window. Good: on the line, 100 %.",
      "percentunit",
      [{ expr: deliveryShare(PAIR, "transport"), legend: "{{transport}}" }],
      limitOf(target("message-delivery")),
    ),
    pair(
      titleOf(target("connection-success")),
      "Usable streams in attempts to connect, within a moving window. Good: on the line, 100 %.",
      "percentunit",
      [
        {
          expr: share("connections_usable", "connection_attempts", PAIR, "transport"),
          legend: "{{transport}}",
        },
      ],
      limitOf(target("connection-success")),
    ),
    pair(
      "Messages received",
      "By all clients together. Good: as high over WebSocket as over SSE, or higher: the load is the same.",
      "suffix: msg/s",
      [{ expr: perSecond(counterSeries("messages_received"), PAIR, "transport"), legend: "{{transport}}" }],
    ),
    pair(
      "Streams that ended, by outcome",
      "Good: completed, closed and deleted. refused, dropped, starved and timed_out are failures.",
      "suffix: /s",
      [
        {
          expr: perSecond(counterSeries(OUTCOMES_SERIES), PAIR, "transport, outcome"),
          legend: "{{transport}} {{outcome}}",
        },
      ],
    ),
    pair(
      "Answer time of /health",
      "Good: far below the line; above it the server stalls.",
      "s",
      [{ expr: gauge("health_seconds", PAIR), legend: "{{transport}}" }],
      { value: STALL_MS / 1_000, isFloor: false },
    ),
    pair(
      "Server memory",
      "Resident memory of the server's process. Good: it does not grow under the same load.",
      "bytes",
      [{ expr: gauge("server_memory_bytes", PAIR), legend: "{{transport}}" }],
    ),
    pair(
      "Server processor time",
      "100 % is one core. Good: no more over WebSocket than over SSE.",
      "percentunit",
      [
        {
          expr: perSecond(gaugeSeries("server_cpu_seconds_total"), PAIR, "transport"),
          legend: "{{transport}}",
        },
      ],
    ),
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
