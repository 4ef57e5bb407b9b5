import { Counter, Trend } from "k6/metrics";
import { type MessageEvent, WebSocket } from "k6/websockets";
import { recorder, sse } from "../../client/extension.ts";
import type { PlanMessage } from "../../client/messages.ts";
import { parseStamp } from "../../client/stamp.ts";
import { connector } from "../../client/wire.ts";
import { account } from "./account.ts";
import { settings, TIMEOUT_MS } from "./settings.ts";

/** How long the slow script is busy with each message. */
const SLOW_MS = 1;

/** A stream that is open or opens. */
export interface Opened {
  close(): void;
  /** For a stream that needs more than its socket's end. */
  ended?: Promise<void>;
}

export const latency = new Trend("bench_latency", true);
export const queueDelay = new Trend("bench_queue_delay", true);
/** Messages that were stamped with a whole number of milliseconds when they were read. */
export const wholeMs = new Counter("bench_whole_ms");

/** Takes the text of a message, read from the socket at `at`. */
type TakeText = (text: string, at: number) => void;

const overTransport = {
  sse(plan: string, take: TakeText): Opened {
    const source = new sse.EventSource(`${settings.baseUrl}/api/plans/${plan}/stream`);
    source.addEventListener("task_update", ({ data, timestamp }) => take(data, timestamp));
    return source;
  },
  ws(plan: string, take: TakeText): Opened {
    const url = `${settings.baseUrl.replace(/^http/, "ws")}/ws/plans/${plan}/progress`;
    const socket = new WebSocket(url, null, {});
    socket.addEventListener("message", (event) => {
      const { data, timestamp } = event as MessageEvent;
      take(data as string, timestamp);
    });
    return socket;
  },
};

/** As a script does that knows nothing of this project: an EventSource, or the WebSocket of k6 itself. */
const bare = (take: TakeText) => (plan: string) => overTransport[settings.transport](plan, take);

const connect = connector(settings.transport, settings.baseUrl, TIMEOUT_MS);

/** As the load tests do it, up to the message. */
const wired = (message: (message: PlanMessage, at: number) => void) => (plan: string) =>
  connect(plan, { open() {}, message, end() {} }, {});

function beBusy(at: number): void {
  queueDelay.add(recorder.now() - at);
  const until = recorder.now() + SLOW_MS;
  while (recorder.now() < until);
}

/** What scripts do that have nothing but k6's metrics. */
function parse(text: string): void {
  const { timestamp } = JSON.parse(text);
  if (timestamp === undefined) return;
  latency.add(Date.now() - Date.parse(`${timestamp}Z`));
  wholeMs.add(1);
}

function compareWithStamp(message: PlanMessage, at: number): void {
  if (message.kind !== "log") return;
  latency.add(at - (parseStamp(message.stamp) ?? Number.NaN));
  if (Number.isInteger(at)) wholeMs.add(1);
}

const kept: unknown[] = [];

/** The ways in which a stream's messages are taken; `settings.way` names one. */
export const WAYS: Record<string, (plan: string) => Opened> = {
  empty: bare(() => {}),
  wire: wired(() => {}),
  account,
  parse: bare(parse),
  keep: bare((text) => kept.push(JSON.parse(text))),
  slow: wired((_message, at) => beBusy(at)),
  "slow-bare": bare((_text, at) => beBusy(at)),
  resolution: wired(compareWithStamp),
};
