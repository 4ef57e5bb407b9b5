import { Counter, Trend } from "k6/metrics";
import { type MessageEvent, WebSocket } from "k6/websockets";
import { accessTo } from "../../client/access.ts";
import { recorder, sse } from "../../client/extension.ts";
import { Ledger } from "../../client/ledger.ts";
import { parseStamp } from "../../client/stamp.ts";
import { connector } from "../../client/wire.ts";
import { account, type Opened } from "./account.ts";
import { settings, TIMEOUT_MS } from "./settings.ts";

/** How long the slow script is busy with each message. */
const SLOW_MS = 1;

export const latency = new Trend("bench_latency", true);
export const queueDelay = new Trend("bench_queue_delay", true);
/** Messages that were stamped with a whole number of milliseconds when they were read. */
export const wholeMs = new Counter("bench_whole_ms");

/** Takes the text of a message, read from the socket at `at`. */
type TakeText = (text: string, at: number) => void;

const sseUrl = (plan: string): string => `${settings.baseUrl}/api/plans/${plan}/stream`;
const wsUrl = (plan: string): string =>
  `${settings.baseUrl.replace(/^http/, "ws")}/ws/plans/${plan}/progress`;

/** As a script does that knows nothing of this project, with the two classes of our extension. */
const bare = (take: TakeText) => (plan: string) => {
  if (settings.transport === "ws") {
    const source = new sse.WebSocketSource(wsUrl(plan));
    source.onmessage = ({ data, timestamp }) => take(data, timestamp);
    return source;
  }
  const source = new sse.EventSource(sseUrl(plan));
  source.addEventListener("task_update", ({ data, timestamp }) => take(data, timestamp));
  return source;
};

/** The same with the WebSocket of k6 itself. */
const bareK6 =
  (take: TakeText) =>
  (plan: string): Opened => {
    const socket = new WebSocket(wsUrl(plan), null, {});
    socket.addEventListener("message", (event) => {
      const { data, timestamp } = event as MessageEvent;
      take(data as string, timestamp);
    });
    return socket;
  };

const connect = connector(settings.transport, accessTo(settings.baseUrl, {}), TIMEOUT_MS, "xk6");
const ledger = new Ledger(0);

/** As the load tests open streams, without what they make of them. */
const wired = (plan: string): Opened => connect(plan, ledger.join(), { open() {}, message() {}, end() {} });

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

function compareWithStamp(text: string, at: number): void {
  const { timestamp } = JSON.parse(text);
  if (timestamp === undefined) return;
  latency.add(at - (parseStamp(timestamp) ?? Number.NaN));
  if (Number.isInteger(at)) wholeMs.add(1);
}

const kept: unknown[] = [];

/** The ways in which a stream's messages are taken; `settings.way` names one. */
export const WAYS: Record<string, (plan: string) => Opened> = {
  empty: bare(() => {}),
  "empty-k6": bareK6(() => {}),
  wire: wired,
  account,
  parse: bare(parse),
  keep: bare((text) => kept.push(JSON.parse(text))),
  slow: bare((_text, at) => beBusy(at)),
  "slow-k6": bareK6((_text, at) => beBusy(at)),
  resolution: bare(compareWithStamp),
};
