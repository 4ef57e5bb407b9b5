import type { ServerResponse } from "node:http";
import { isoNaive, now } from "./clock.ts";
import { type Context, countStream } from "./context.ts";
import { cutLater, impair } from "./delivery.ts";
import type { EventLoop } from "./event-loop.ts";
import { llmStream, type PlanEvent, type Reader, type TimedEvent } from "./feed.ts";
import type { Plan } from "./plans.ts";

const PING_MS = 15_000;
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
 * has, or when the client leaves.
 */
export async function serveSse(context: Context, id: string, response: ServerResponse): Promise<void> {
  const connection = new SseConnection(response, context.loop);
  response.once("close", countStream(context, "sse"));
  response.once(
    "close",
    cutLater(context, () => response.destroy()),
  );
  const plan = context.plans.get(id);
  const source = plan?.feed.openSse();
  if (plan === undefined || source === undefined) {
    return connection.end(errorFrame(plan ? "Stream could not be established." : "Plan not found"));
  }
  const reader = impair(context, "sse", plan, source);
  connection.closed.then(() => context.loop.free()).then(() => reader.close());
  await follow(reader, connection, context, plan);
  plan.feed.closeSse();
}

/** sse-endless-stream: that a plan was deleted, or never started, is told to none of its streams. */
const isUntold = ({ faults }: Context, plan: Plan, event: PlanEvent): boolean =>
  faults.has("sse-endless-stream") && (event.kind === "deleted" || plan.neverStarted);

/** Tells a stream what its plan says, until the plan is over or the client has left. */
async function follow(
  reader: Reader,
  connection: SseConnection,
  context: Context,
  plan: Plan,
): Promise<void> {
  const names = context.faults.has("unnamed-events") ? UNNAMED : NAMES;
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    await context.loop.free();
    if (isUntold(context, plan, event)) {
      await connection.closed;
    } else if (event.kind === "deleted") {
      return connection.end(endFrame(names));
    } else if (event.kind === "finished") {
      return connection.end(updateFrame(event, names) + endFrame(names));
    } else {
      await connection.write(streamFrames(context, event, names) + updateFrame(event, names));
    }
  }
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
  /** Fulfilled when the response has ended or its client has left. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;
  readonly #loop: EventLoop;
  #goOn = () => {};

  constructor(response: ServerResponse, loop: EventLoop) {
    this.#response = response;
    this.#loop = loop;
    const pings = setInterval(() => this.#ping(), PING_MS);
    response.on("drain", () => this.#goOn());
    this.closed = new Promise((resolve) => {
      response.once("close", () => {
        clearInterval(pings);
        this.#goOn();
        resolve();
      });
    });
    response.writeHead(200, HEADERS).flushHeaders();
  }

  /** Writes, and waits until the client has room for more or has left. */
  async write(text: string): Promise<void> {
    if (!this.#response.write(text) && !this.#response.destroyed) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
    }
  }

  end(text: string): void {
    this.#response.end(text);
  }

  #ping(): void {
    if (!this.#response.writableNeedDrain && !this.#loop.isBlocked) {
      this.#response.write(`: ping - ${isoNaive(now()).replace("T", " ")}+00:00\r\n\r\n`);
    }
  }
}
