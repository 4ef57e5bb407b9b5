import type { ServerResponse } from "node:http";
import { isoNaive, type Micros, now } from "./clock.ts";
import { type Context, countStream } from "./context.ts";
import { cutLater, impair } from "./delivery.ts";
import type { PlanEvent, Reader, TimedEvent } from "./feed.ts";
import type { Plan } from "./plans.ts";

const PING_MS = 15_000;
const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};
const END = frame("end", "Stream ended");
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
  const connection = new SseConnection(response);
  response.once("close", countStream(context.streams, "sse"));
  response.once(
    "close",
    cutLater(context, () => response.destroy()),
  );
  const plan = context.plans.get(id);
  const source = plan?.feed.openSse(context.random);
  if (plan === undefined || source === undefined) {
    return connection.end(errorFrame(plan ? "Stream could not be established." : "Plan not found"));
  }
  const reader = impair(context, "sse", plan, source);
  connection.closed.then(() => reader.close());
  const ended = await follow(reader, connection, (event) => lastWords(context, plan, event));
  plan.feed.closeSse(ended ? "ended" : "abandoned");
}

/** What a stream that will hang gets in place of an event; nothing when the event is told as it is. */
function lastWords({ faults }: Context, plan: Plan, event: PlanEvent): string | undefined {
  if (event.kind === "deleted" && faults.has("sse-delete-race")) {
    return missingPlanFrame(plan, event.at);
  }
  // sse-endless-stream: that a plan was deleted, or never started, is told to none of its streams
  const isUntold = faults.has("sse-endless-stream") && (event.kind === "deleted" || plan.neverStarted);
  return isUntold ? "" : undefined;
}

/** sse-delete-race: what the pipeline of a deleted plan writes to stderr. */
function missingPlanFrame({ id }: Plan, at: Micros): string {
  const message = `ERROR: cannot update the progress of plan ${id}: no such plan in the database`;
  return frame("task_update", JSON.stringify({ type: "error", message, timestamp: isoNaive(at) }));
}

/** @returns whether the stream came to its end; false when its client left before */
async function follow(
  reader: Reader,
  connection: SseConnection,
  lastWords: (event: PlanEvent) => string | undefined,
): Promise<boolean> {
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    const last = lastWords(event);
    if (last !== undefined) {
      await connection.write(last);
      await connection.closed;
    } else if (event.kind === "deleted") {
      connection.end(END);
      return true;
    } else if (event.kind === "finished") {
      connection.end(updateFrame(event) + END);
      return true;
    } else {
      await connection.write(updateFrame(event));
    }
  }
  return false;
}

function updateFrame(event: TimedEvent): string {
  return frame("task_update", JSON.stringify(update(event)));
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
  return `event: ${event}\r\ndata: ${data}\r\n\r\n`;
}

/** An open SSE response: pings its client, and holds no more of what it does not read than Node's buffer. */
class SseConnection {
  /** Fulfilled when the response has ended or its client has left. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;
  #goOn = () => {};

  constructor(response: ServerResponse) {
    this.#response = response;
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
    if (!this.#response.writableNeedDrain) {
      this.#response.write(`: ping - ${isoNaive(now()).replace("T", " ")}+00:00\r\n\r\n`);
    }
  }
}
