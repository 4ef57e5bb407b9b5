import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { isoNaive, now } from "./clock.ts";
import { type Context, countStream } from "./context.ts";
import { cutLater, impair } from "./delivery.ts";
import type { EventLoop } from "./event-loop.ts";
import { llmStream, type Reader, type TimedEvent } from "./feed.ts";

const PING_MS = 15_000;
/** Of Node's event loop: in so many it has closed a connection whose client has gone. */
const TURNS = 5;
const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};
const FAILED = { status: "failed", message: "Plan generation failed" };
/** The SSE stream knows no fallback: there a pipeline that failed has failed. */
const STATUSES = {
  stdout_closed: { status: "stdout_closed", message: "Pipeline output closed" },
  completed: { status: "completed", message: "Plan generation completed" },
  failed: FAILED,
  fallback: FAILED,
};

/**
 * Answers a request for a plan's SSE stream: always 200, and failure is an event in it. Ends when the plan
 * has, or when the client leaves. A client that has left before its turn came has its stream all the same.
 */
export async function serveSse(context: Context, id: string, response: ServerResponse): Promise<void> {
  const left = departureOf(context.loop, response);
  await turns(TURNS);
  const ended = await context.database.openStream();
  const connection = new SseConnection(response, context.loop, left);
  if (ended === undefined) {
    return connection.breakOff();
  }
  const countOut = countStream(context, "sse");
  const stayUncut = cutLater(context, () => response.destroy());
  left.then(() => {
    ended();
    countOut();
    stayUncut();
  });
  const plan = context.plans.get(id);
  const source = plan?.feed.openSse();
  if (plan === undefined || source === undefined) {
    return connection.end(errorFrame(plan ? "Stream could not be established." : "Plan not found"));
  }
  const reader = impair(context, "sse", plan, source);
  left.then(() => {
    reader.close();
    plan.feed.closeSse();
  });
  if (await follow(reader, connection, context)) {
    plan.feed.closeSse();
  }
}

/** Lets what has come on other connections, such as that their clients have left, be noticed first. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await setImmediate();
  }
}

/** Fulfilled when the server notices that an answer is over, because it has ended or its client has left. */
function departureOf(loop: EventLoop, response: ServerResponse): Promise<void> {
  response.on("error", () => {});
  return new Promise((resolve) => {
    const notice = () => loop.run(resolve);
    if (response.destroyed) {
      notice();
    } else {
      response.once("close", notice);
    }
  });
}

/** @returns whether the stream was told its end; false when its client left before */
async function follow(reader: Reader, connection: SseConnection, context: Context): Promise<boolean> {
  const names = context.faults.has("unnamed-events") ? UNNAMED : NAMES;
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    if (event.kind === "end" || event.kind === "dismissed") {
      await connection.end(endFrame(names));
      return true;
    }
    await connection.write(streamFrames(context, event, names) + updateFrame(event, names));
  }
  return false;
}

/** The names of events; unnamed-events: they have none. */
const NAMES = { update: "task_update", end: "end" };
const UNNAMED = { update: "", end: "" };
type Names = typeof NAMES;

const endFrame = ({ end }: Names): string => frame(end, "Stream ended");

const updateFrame = (event: TimedEvent, { update: name }: Names): string =>
  frame(name, JSON.stringify(update(event)));

/** llm-stream: what newer servers send beside each line of the log. */
function streamFrames({ faults }: Context, event: TimedEvent, { update: name }: Names): string {
  return event.kind === "log" && faults.has("llm-stream")
    ? frame(name, JSON.stringify(llmStream(event.at)))
    : "";
}

function update(event: TimedEvent): object {
  if (event.kind === "log") {
    return { type: "log", message: event.text, timestamp: isoNaive(event.at) };
  }
  const status = event.kind === "finished" ? event.outcome : event.kind;
  return { type: "status", ...STATUSES[status] };
}

function errorFrame(message: string): string {
  return frame("error", JSON.stringify({ message }));
}

function frame(event: string, data: string): string {
  const name = event === "" ? "" : `event: ${event}\r\n`;
  return `${name}data: ${data}\r\n\r\n`;
}

/** An open SSE response: pings its client, and holds no more of what it does not read than Node's buffer. */
class SseConnection {
  readonly #response: ServerResponse;
  readonly #loop: EventLoop;
  #goOn = () => {};
  #isPingDue = false;

  /** @param left fulfilled when the response has ended or its client has left */
  constructor(response: ServerResponse, loop: EventLoop, left: Promise<void>) {
    this.#response = response;
    this.#loop = loop;
    const pings = setInterval(() => this.#ping(), PING_MS);
    response.on("drain", () => this.#goOn());
    left.then(() => {
      clearInterval(pings);
      this.#goOn();
    });
    response.writeHead(200, HEADERS).flushHeaders();
  }

  /** Writes, and waits until the client has room for more or has left. */
  async write(text: string): Promise<void> {
    await this.#loop.goOn();
    if (!this.#response.write(text) && !this.#response.destroyed) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
    }
  }

  async end(text: string): Promise<void> {
    await this.#loop.goOn();
    this.#response.end(text);
  }

  /** Ends it in the middle: its client has the head, and sees that it was broken off. */
  breakOff(): void {
    this.#response.destroy();
  }

  /** One that falls due while the loop is blocked is sent when it goes on. */
  #ping(): void {
    if (this.#isPingDue) {
      return;
    }
    this.#isPingDue = true;
    this.#loop.run(() => {
      this.#isPingDue = false;
      if (!this.#response.writableNeedDrain && !this.#response.destroyed) {
        this.#response.write(`: ping - ${isoNaive(now()).replace("T", " ")}+00:00\r\n\r\n`);
      }
    });
  }
}
