import type { Transport } from "../record/record.ts";
import type { Figure } from "./figures.ts";
import {
  accounted,
  type Bench,
  bare,
  compared,
  GO_ACCOUNT,
  goAccount,
  goReader,
  k6WebSocket,
  type Measuring,
} from "./measuring.ts";
import { type Client, k6Client, type Load, measure, outcomeOf, type Run } from "./processes.ts";

const US_PER_SECOND = 1e6;
/** So much less is sent in the run that shows what a start costs. */
const START_SHARE = 20;
/** A run of which less than this was seen to arrive says nothing of a message's cost. */
const LEAST_RECEIVED = 0.9;

/** Two users with five streams each, as fast as they are read. */
const flood = (messages: number): Load => ({ plan: `messages=${messages / 10}`, users: 2, streams: 5 });

export const cpuOfEmpty: Measuring = async (bench, over) => [
  {
    ...(await cpuFigure(bench, over, 300_000, bare, {
      "Go reader": goReader,
      ...(over === "ws" && { "k6/websockets": k6WebSocket }),
    })),
    what: "CPU per message, empty handler",
    limit: { atMost: 4 },
  },
];

export const cpuOfAccounting: Measuring = async (bench, over) => [
  {
    ...(await cpuFigure(bench, over, 80_000, accounted, {
      [GO_ACCOUNT]: goAccount,
      "JSON.parse and a Trend": k6Client("parse"),
    })),
    what: "CPU per message, accounted",
    limit: { timesPeer: 2 },
  },
];

async function cpuFigure(
  { url, rounds, quick }: Bench,
  over: Transport,
  messages: number,
  ours: Client,
  peers: Record<string, Client>,
): Promise<Omit<Figure, "what">> {
  const sent = quick ? messages / 10 : messages;
  const values = await compared(rounds, ours, peers, (client) => cpuPerMessage(client, url, over, sent));
  return { over, unit: "µs", ...values };
}

/** The processor time of a process for a message, without that of its start. */
async function cpuPerMessage(client: Client, url: string, over: Transport, messages: number) {
  const few = messages / START_SHARE;
  const start = await receiveAll(client(url, over, flood(few)), few);
  const whole = await receiveAll(client(url, over, flood(messages)), messages);
  return ((whole.cpuSeconds - start.cpuSeconds) * US_PER_SECOND) / (messages - few);
}

async function receiveAll(command: string[], messages: number): Promise<Run> {
  const run = await measure(command);
  const { received } = outcomeOf(run);
  if (received >= messages * LEAST_RECEIVED) return run;
  throw new Error(`${command.join(" ")} received ${received} of ${messages} messages`);
}
