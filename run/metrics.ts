import { Counter, Gauge, Rate, Trend } from "k6/metrics";
import { OBSERVED_METRIC } from "../thresholds/k6.ts";
import { TARGETS, type Target, type TargetId } from "../thresholds/targets.ts";

const KINDS = { rate: Rate, counter: Counter, gauge: Gauge, shortfall: Gauge };

/** The k6 metric of each target, named by the table in thresholds/. */
const ofTarget = new Map(
  TARGETS.map((row: Target) => [row.id, new KINDS[row.form.kind](row.form.metric)] as const),
);

/** Sends a sample of a target's metric: a Rate takes 0 or 1, a Counter an increment, a Gauge the value. */
export function sample(id: TargetId, value: number, tags: Record<string, string> = {}): void {
  ofTarget.get(id)?.add(value, tags);
}

/** 1 where a target was judged, 0 where there was no data; tags `target` and `test`. */
export const targetObserved = new Gauge(OBSERVED_METRIC);

/** Log messages that the clients received. Flushed once a second. */
export const messagesReceived = new Counter("messages_received");

/** Streams that ended, by the tag `outcome`. */
export const streamOutcomes = new Counter("stream_outcomes");

/** From the attempt to connect to the first message, in milliseconds. */
export const timeToFirstMessage = new Trend("time_to_first_message", true);

/** From the plan's creation until stream-status said ready, in milliseconds. */
export const timeToReady = new Trend("time_to_ready", true);

/** The longest wait of a message between socket and script within a second, in milliseconds. */
export const queueDelay = new Trend("queue_delay", true);
