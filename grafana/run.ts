import { counterSeries } from "../run/series.ts";
import { LONGEST_WAIT_MS, show, TARGETS, target } from "../thresholds/targets.ts";
import { frame, inRows, oneRun, reportLink, runFilters, testMarks } from "./frame.ts";
import { bars, durations, graph, type Limit, limitOf, type Panel, tiles, titleOf } from "./panels.ts";
import { FIGURES, measured, ofRun, verdicts } from "./parts.ts";
import {
  ADMITTED_RUNS,
  bucketRate,
  CHOSEN_RUN,
  gauge,
  lastGauge,
  now,
  perSecond,
  quantile,
  runQuantile,
  streamsEnded,
  total,
} from "./promql.ts";

const latencyLimit = limitOf(target("message-latency"), 0.001);
const ceiling = (seconds: number): Limit => ({ value: seconds, isFloor: false });

const rows: Record<string, Panel[]> = {
  Verdict: [
    verdicts(
      {
        title: "Verdicts",
        description:
          "The verdict of each target over the whole run, set at its end. Good: met everywhere. Silence is no pass: “no data” fails a run as “missed” does.",
        width: 24,
        height: 8,
      },
      TARGETS,
    ),
    measured(
      {
        title: "Measured, with the target in brackets",
        description:
          "What was measured for each target, the worst of its tests; set at the run's end. Good: green, which is the target's side of its limit.",
        width: 24,
        height: 8,
      },
      TARGETS,
    ),
  ],
  Connections: [
    graph(
      {
        title: "Streams open",
        description:
          "Streams that were opened and have not ended. Good: it follows the load and is zero between tests; what stays is a stream that nobody ended.",
        width: 8,
      },
      "short",
      [
        {
          expr: `${now("streams_opened")} - ${streamsEnded}`,
          legend: "open",
        },
      ],
    ),
    ofRun(FIGURES.connections, { width: 8 }),
    graph(
      {
        title: "Time to the first message",
        description:
          "From the attempt to connect to the first message, and from a plan's creation until stream-status says ready. Good: flat, whatever the load.",
        width: 8,
      },
      "s",
      [
        { expr: quantile(0.5, "time_to_first_message"), legend: "first message, median" },
        { expr: quantile(0.95, "time_to_first_message"), legend: "first message, p95" },
        { expr: quantile(0.95, "time_to_ready"), legend: "ready, p95" },
      ],
    ),
  ],
  Delivery: [
    ofRun(FIGURES.delivery, { width: 10 }),
    tiles(
      {
        title: "Messages so far",
        description:
          "Counted when a stream ends. Good: nothing lost, doubled or out of order, and no message of a reconnect's gap lost.",
        width: 14,
        height: 8,
      },
      "none",
      [
        { expr: total("messages_due"), legend: "due" },
        { expr: total("messages_delivered"), legend: "delivered" },
        {
          expr: `${total("messages_due")} - ${total("messages_delivered")}`,
          legend: "lost",
          limit: ceiling(1),
        },
        { expr: total("messages_duplicated"), legend: "received twice", limit: ceiling(1) },
        { expr: total("messages_reordered"), legend: "out of order", limit: ceiling(1) },
        { expr: total("gap_messages_lost"), legend: "lost over a reconnect", limit: ceiling(1) },
        { expr: total("reconnections"), legend: "reconnects" },
        {
          expr: `${total("reconnections")} - ${total("reconnections_usable")}`,
          legend: "reconnects that failed",
          limit: ceiling(1),
        },
      ],
    ),
  ],
  Latency: [
    durations(
      {
        title: "Latency of messages",
        description: `How many messages a second came how late after they were stamped. Good: all of it below ${show(target("message-latency"), target("message-latency").limit)}.`,
        width: 12,
        height: 10,
      },
      bucketRate("message_latency"),
    ),
    graph(
      {
        title: titleOf(target("message-latency")),
        description:
          "Percentiles of latency within a moving window. Good: p95 below the line. They come from counters per bucket, so they are right for any window and several instances.",
        width: 9,
        height: 10,
      },
      "s",
      [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, "message_latency"), legend: `p${q * 100}` })),
      latencyLimit,
    ),
    tiles(
      {
        title: "p95 over the run",
        description: "Over all messages of the run so far. Good: green.",
        width: 3,
        height: 10,
      },
      "s",
      [{ expr: runQuantile(0.95, "message_latency"), legend: "p95", limit: latencyLimit }],
    ),
  ],
  Throughput: [
    ofRun(FIGURES.received, { width: 10, by: "test" }),
    bars(
      {
        title: `${titleOf(target("throughput"))}: delivered against offered`,
        description:
          "For each scene of the throughput test what the pipeline offered and what the client that got least was given. Good: delivered is as long as offered, and green.",
        width: 14,
      },
      "suffix:msg/s",
      [
        { expr: lastGauge("throughput_offered", CHOSEN_RUN, "scene"), legend: "offered, {{scene}}" },
        { expr: lastGauge("throughput_delivered", CHOSEN_RUN, "scene"), legend: "delivered, {{scene}}" },
      ],
      limitOf(target("throughput")),
    ),
  ],
  Outcomes: [
    ofRun(FIGURES.outcomes, { width: 12, by: "outcome" }),
    tiles(
      {
        title: "Failures so far",
        description:
          "Streams that ended badly count the checks that a test makes beside its streams, as the target does. Good: zero everywhere.",
        width: 6,
        height: 8,
      },
      "none",
      [
        {
          expr: `${total("streams_ended")} - ${total("streams_acceptable")}`,
          legend: "streams that ended badly",
          limit: ceiling(1),
        },
        { expr: total("server_errors"), legend: "answers 5xx", limit: limitOf(target("server-errors")) },
        { expr: total("api_requests_unanswered"), legend: "no answer", limit: ceiling(1) },
      ],
    ),
    graph(
      {
        title: "Answers of the API",
        description: "Requests of the tests. Good: none is answered 5xx, and none is left without an answer.",
        width: 6,
      },
      "reqps",
      [
        { expr: perSecond(counterSeries("api_requests")), legend: "requests" },
        { expr: perSecond(counterSeries("server_errors")), legend: "5xx" },
        { expr: perSecond(counterSeries("api_requests_unanswered")), legend: "no answer" },
      ],
    ),
  ],
  Server: [
    ofRun(FIGURES.memory, { width: 6 }),
    ofRun(FIGURES.processor, { width: 6 }),
    graph(
      {
        title: "Threads and open files",
        description: "Of the server's process. Good: after a test as many as before it.",
        width: 6,
      },
      "short",
      [
        { expr: gauge("server_threads"), legend: "threads" },
        { expr: gauge("server_open_files"), legend: "open files" },
      ],
    ),
    ofRun(FIGURES.health, { width: 6 }),
    tiles(
      {
        title: "Stalls so far",
        description: "Probes of /health without a prompt answer, of all that were judged. Good: none.",
        width: 8,
        height: 8,
      },
      "none",
      [
        {
          expr: `${total("health_probes")} - ${total("health_probes_prompt")}`,
          legend: "stalls",
          limit: ceiling(1),
        },
        { expr: total("health_probes"), legend: "probes" },
      ],
    ),
    graph(
      {
        title: "Plans",
        description:
          "Plans that the tests created and have not deleted yet. Good: back to zero at the end; what was left is deleted in teardown.",
        width: 8,
      },
      "short",
      [
        {
          expr: `${now("plans_created")} - ${now("plans_deleted")}`,
          legend: "there now",
        },
        { expr: perSecond(counterSeries("plans_created")), legend: "created", unit: "suffix:/s" },
      ],
    ),
    bars(
      {
        title: "Time until all plans are complete, by plans at once",
        description:
          "The steps of the scaling test. Good: bars in proportion to the number of plans, or flatter.",
        width: 8,
      },
      "s",
      [
        {
          expr: `sort(${lastGauge("step_completion_seconds", CHOSEN_RUN, "plans")})`,
          legend: "{{plans}} at once",
        },
      ],
    ),
  ],
  "Load generator": [
    graph(
      {
        title: "What the measuring side adds",
        description:
          "The wait of a message between socket and account, and how late k6's own timers run (p95). Good: below the line; above it latency says nothing of the server.",
        width: 16,
      },
      "s",
      [
        { expr: quantile(0.95, "queue_delay"), legend: "wait of messages" },
        { expr: quantile(0.95, "generator_lag"), legend: "lateness of timers" },
      ],
      ceiling(LONGEST_WAIT_MS / 1_000),
    ),
    ofRun(FIGURES.generatorMemory, { width: 8 }),
  ],
};

/** One run, while it runs and afterwards. */
export const runDashboard = inRows(
  frame(
    "plan-load-run",
    "Plan load: run",
    "One run of the load tests, live: verdicts, connections, delivery, latency, throughput, outcomes, the server.",
    "30m",
    [...runFilters(), oneRun("testid", "Run", ADMITTED_RUNS)],
  )
    .refresh("5s")
    .annotation(testMarks())
    .link(reportLink("Report of this run")),
  rows,
);
