import { quantile } from "../../record/histogram.ts";
import { takeSnapshot } from "../../run/summary.ts";
import { timingKey } from "../../run/tallies.ts";
import { TEST } from "./account.ts";
import { settings } from "./settings.ts";

type Values = Record<string, number>;
interface SummaryData {
  metrics: Record<string, { values: Values }>;
}

/** Counts messages of all kinds. */
const RECEIVED_METRIC = { sse: "sse_events_received", ws: "ws_msgs_received" };

/** Prints what came of the streams, as the Go client of the benchmark does. */
export function handleSummary({ metrics }: SummaryData): { stdout: string } {
  const values = (metric: string): Values => metrics[metric]?.values ?? {};
  const outcome = settings.way === "account" ? accounted() : measured(values);
  return { stdout: JSON.stringify(outcome) };
}

/** Streams that were broken off have no account: then the meter knows what they received. */
function accounted() {
  const { tallies } = takeSnapshot();
  const { counts = {}, latency = {} } = tallies[TEST] ?? {};
  const delay = tallies[timingKey(TEST, "queue-delay")]?.latency ?? {};
  const lag = tallies[timingKey(TEST, "generator-lag")]?.latency ?? {};
  const ms = (q: number) => quantile(latency, q) ?? 0;
  return {
    received: counts.received ?? counts.messages ?? 0,
    duplicates: counts.duplicates ?? 0,
    reordered: counts.reordered ?? 0,
    p50Ms: ms(0.5),
    p95Ms: ms(0.95),
    p99Ms: ms(0.99),
    queueDelayP95Ms: quantile(delay, 0.95) ?? 0,
    queueDelayP99Ms: quantile(delay, 0.99) ?? 0,
    lagP95Ms: quantile(lag, 0.95) ?? 0,
  };
}

function measured(values: (metric: string) => Values) {
  const latency = values("bench_latency");
  return {
    received: values(RECEIVED_METRIC[settings.transport]).count ?? 0,
    p50Ms: latency.med ?? 0,
    p95Ms: latency["p(95)"] ?? 0,
    p99Ms: latency["p(99)"] ?? 0,
    lowestMs: latency.min ?? 0,
    compared: latency.count ?? 0,
    wholeMs: values("bench_whole_ms").count ?? 0,
    queueDelayP99Ms: values("bench_queue_delay")["p(99)"] ?? 0,
  };
}
