import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { isoNaive, type Micros, now } from "./clock.ts";
import { type Context, countStream, strikes } from "./context.ts";
import { cutLater, impair } from "./delivery.ts";
import type { EventLoop } from "./event-loop.ts";
import { llmStream, type Outcome, type Reader, type TimedEvent } from "./feed.ts";
import type { Plan } from "./plans.ts";

const HEARTBEAT_MS = 30_000;
/** Bytes waiting for a client beyond which nothing more is sent until they are gone. */
const BUFFER_LIMIT = 64 * 1024;
/** The largest message that is taken from a client, bytes. */
const MAX_PAYLOAD = 64 * 1024;
/** How long clients have to answer the close of a server that shuts down. */
const CLOSE_GRACE_MS = 1_000;
const CLOSE_NORMAL = 1000;
const CLOSE_RESTART = 1012;

/** The statuses that tell each end of a plan. */
const ENDINGS: Readonly<Record<Outcome, readonly [status: string, message: string][]>> = {
  completed: [["completed", "Plan generation completed"]],
  failed: [["failed", "Plan generation failed"]],
  fallback: [
    ["fallback", "Pipeline failed; the fallback report takes its place"],
    ["completed", "Plan completed via fallback (minimal report)"],
  ],
};

/** The WebSockets of one server, to be ended together. */
export interface OpenWebSockets {
  /** Closes each with 1012, and waits until they are gone. */
  close(): Promise<void>;
  /** Destroys each without a word. */
  terminate(): void;
}

/**
 * Serves plans' WebSockets to the upgrade requests of an HTTP server. The handshake is refused with 404 for
 * unknown plans and other paths, and for all where the behaviour offers no WebSocket.
 */
export function serveWebSockets(server: Server, context: Context): OpenWebSockets {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_PAYLOAD });
  const offered = context.behaviour.transports.includes("ws");
  const heartbeats = new Heartbeats(context.loop);
  server.once("listening", () => heartbeats.start());
  // nobody reads what clients send while the loop is blocked: not that they close, either
  context.loop.watch((blocked) => {
    for (const client of sockets.clients) {
      if (blocked) client.pause();
      else client.resume();
    }
  });
  server.on("upgrade", async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    await context.loop.free();
    const id = offered ? planIdOf(request.url ?? "") : undefined;
    if (id === undefined) {
      return refuse(socket, "Not Found");
    }
    const plan = context.plans.get(id);
    if (plan === undefined && !context.faults.has("ws-silent-stream")) {
      return refuse(socket, "Plan not found");
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      serveSocket(context, heartbeats, { id, plan, socket: webSocket }),
    );
  });
  const close = () => {
    heartbeats.stop();
    return closeAll(sockets);
  };
  return { close, terminate: () => terminateAll(sockets.clients) };
}

function planIdOf(url: string): string | undefined {
  return /^\/ws\/plans\/([^/?]+)\/progress(?:\?|$)/.exec(url)?.[1];
}

function refuse(socket: Duplex, detail: string): void {
  const body = JSON.stringify({ detail });
  const head = `HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
}

async function closeAll(sockets: WebSocketServer): Promise<void> {
  const open = [...sockets.clients];
  const gone = Promise.all(open.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  for (const socket of open) {
    socket.close(CLOSE_RESTART, "Server is shutting down");
  }
  await Promise.race([gone, sleep(CLOSE_GRACE_MS, undefined, { ref: false })]);
  terminateAll(open);
}

function terminateAll(sockets: Iterable<WebSocket>): void {
  for (const socket of sockets) {
    socket.terminate();
  }
}

/** The heartbeats of one server, at the same time for all of its WebSockets. */
class Heartbeats {
  readonly #loop: EventLoop;
  readonly #sockets = new Set<WebSocket>();
  #beats: NodeJS.Timeout | undefined;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  start(): void {
    this.#beats = setInterval(() => this.#loop.run(() => this.#beat()), HEARTBEAT_MS);
  }

  stop(): void {
    clearInterval(this.#beats);
  }

  /** A WebSocket has them from now on. */
  add(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #beat(): void {
    for (const socket of this.#sockets) {
      if (socket.bufferedAmount < BUFFER_LIMIT) {
        socket.send(JSON.stringify({ type: "heartbeat", timestamp: isoNaive(now()) }));
      }
    }
  }
}

/** A client's WebSocket, and the plan that it asked for, where there is one. */
interface Visit {
  readonly id: string;
  readonly plan: Plan | undefined;
  readonly socket: WebSocket;
}

async function serveSocket(context: Context, heartbeats: Heartbeats, visit: Visit): Promise<void> {
  const { id, plan, socket } = visit;
  socket.once("close", countStream(context, "ws"));
  socket.once(
    "close",
    cutLater(context, () => socket.terminate()),
  );
  socket.on("error", () => socket.terminate());
  const client = `ws_client_${randomUUID()}`;
  const message = `Connected to the progress of plan ${id}`;
  const say: Say = (frame) => send(context.loop, socket, frame);
  await say({ type: "connection", status: "connected", plan_id: id, client_id: client, message });
  if (isOrphaned(context, plan)) {
    return;
  }
  heartbeats.add(socket);
  if (plan === undefined || (!plan.unfinished && context.faults.has("ws-silent-stream"))) {
    return;
  }
  const reader = impair(context, "ws", plan, plan.feed.openWs());
  socket.once("close", () => reader.close());
  if (await follow(context, plan, reader, say)) {
    await context.loop.goOn();
    socket.close(CLOSE_NORMAL);
  }
}

/** Whether a client gets its connection message and then nothing, not even heartbeats or a close. */
function isOrphaned(context: Context, plan: Plan | undefined): boolean {
  const orphaned = (plan?.unfinished ?? false) && strikes(context, "ws-orphan");
  context.streams.orphans += orphaned ? 1 : 0;
  return orphaned;
}

/** Sends a frame. */
type Say = (frame: object) => Promise<void>;

/** @returns whether the stream came to its end; false when its client left before */
async function follow(context: Context, plan: Plan, reader: Reader, say: Say): Promise<boolean> {
  const { faults } = context;
  // ws-no-replay: that the plan runs was told when it began to
  if (plan.status === "pending" || (plan.status === "running" && !faults.has("ws-no-replay"))) {
    await say(statusFrame("running", plan.progressMessage, plan.progress, now()));
  }
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    if (event.kind === "dismissed") {
      return true;
    }
    if (event.kind === "end") {
      await sayEnd(event.started, event.at, say);
      return true;
    }
    if (event.kind === "log" && faults.has("llm-stream")) {
      await say(llmStream(event.at));
    }
    await tell(plan, event, say);
  }
  return false;
}

async function tell(plan: Plan, event: TimedEvent, say: Say): Promise<void> {
  switch (event.kind) {
    case "log":
      return say({ type: "log", message: event.text, timestamp: isoNaive(event.at) });
    case "stdout_closed":
      return say(statusFrame(event.kind, "Pipeline output closed", plan.progress, event.at));
    case "finished":
      for (const [status, message] of ENDINGS[event.outcome]) {
        await say(statusFrame(status, message, status === "completed" ? 100 : plan.progress, event.at));
      }
  }
}

/** A plan that failed to start has no `stream_end`: its WebSocket is just closed. */
async function sayEnd(started: boolean, at: Micros, say: Say): Promise<void> {
  if (started) {
    await say({ type: "stream_end", message: "Stream ended", timestamp: isoNaive(at) });
  }
}

function statusFrame(status: string, message: string, progress: number, at: Micros): object {
  return { type: "status", status, message, progress_percentage: progress, timestamp: isoNaive(at) };
}

/** Sends a frame, and waits until the client has room for more or has left. */
async function send(loop: EventLoop, socket: WebSocket, frame: object): Promise<void> {
  await loop.goOn();
  const text = JSON.stringify(frame);
  if (socket.bufferedAmount < BUFFER_LIMIT) {
    socket.send(text);
  } else {
    await new Promise<void>((resolve) => {
      socket.send(text, () => resolve());
    });
  }
}
