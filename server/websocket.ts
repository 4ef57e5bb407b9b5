import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { isoNaive, type Micros, now } from "./clock.ts";
import { type Context, countStream, strikes } from "./context.ts";
import { cutLater, impair } from "./delivery.ts";
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
  server.on("upgrade", async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    await context.loop.free();
    const id = offered ? planIdOf(request.url ?? "") : undefined;
    if (id === undefined) {
      return refuse(socket, "Not Found");
    }
    const plan = context.plans.get(id);
    if (plan === undefined && !context.faults.has("ws-silent-stream")) {
      return refuse(socket, "Plan not found");
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => serveSocket(context, id, plan, webSocket));
  });
  return { close: () => closeAll(sockets), terminate: () => terminateAll(sockets.clients) };
}

function planIdOf(url: string): string | undefined {
  return /^\/ws\/plans\/([^/?]+)\/progress(?:\?|$)/.exec(url)?.[1];
}

function refuse(socket: Duplex, detail: string): void {
  const body = JSON.stringify({ detail });
  const head = `HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.on("error", () => socket.destroy());
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

async function serveSocket(
  context: Context,
  id: string,
  plan: Plan | undefined,
  socket: WebSocket,
): Promise<void> {
  socket.once("close", countStream(context, "ws"));
  socket.once(
    "close",
    cutLater(context, () => socket.terminate()),
  );
  socket.on("error", () => socket.terminate());
  const client = `ws_client_${randomUUID()}`;
  const message = `Connected to the progress of plan ${id}`;
  await send(socket, { type: "connection", status: "connected", plan_id: id, client_id: client, message });
  if (plan !== undefined && !isSilent(context, plan)) {
    const reader = impair(context, "ws", plan, plan.feed.openWs());
    socket.once("close", () => reader.close());
    keepAlive(socket, context);
    await follow(plan, reader, socket, context);
  }
}

/** Whether a client gets its connection message and then nothing, not even heartbeats or a close. */
function isSilent(context: Context, plan: Plan): boolean {
  if (!plan.unfinished) {
    return context.faults.has("ws-silent-stream");
  }
  const orphaned = strikes(context, "ws-orphan");
  context.streams.orphans += orphaned ? 1 : 0;
  return orphaned;
}

function keepAlive(socket: WebSocket, { loop }: Context): void {
  const beat = () => {
    if (socket.bufferedAmount < BUFFER_LIMIT && !loop.isBlocked) {
      send(socket, { type: "heartbeat", timestamp: isoNaive(now()) });
    }
  };
  const heartbeats = setInterval(beat, HEARTBEAT_MS);
  socket.once("close", () => clearInterval(heartbeats));
}

async function follow(plan: Plan, reader: Reader, socket: WebSocket, context: Context): Promise<void> {
  if (plan.unfinished) {
    await send(socket, statusFrame(plan, "running", plan.progressMessage, now()));
  }
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    await context.loop.free();
    if (event.kind === "log" && context.faults.has("llm-stream")) {
      await send(socket, llmStream(event.at));
    }
    if (event.kind !== "deleted") {
      await tell(plan, event, socket);
    }
    if (event.kind === "deleted" || event.kind === "finished") {
      return socket.close(CLOSE_NORMAL);
    }
  }
}

async function tell(plan: Plan, event: TimedEvent, socket: WebSocket): Promise<void> {
  switch (event.kind) {
    case "log":
      return send(socket, { type: "log", message: event.text, timestamp: isoNaive(event.at) });
    case "stdout_closed":
      return send(socket, statusFrame(plan, event.kind, "Pipeline output closed", event.at));
    case "finished":
      return tellEnd(plan, event.outcome, event.at, socket);
  }
}

/** A plan that failed to start has no `stream_end`: its WebSocket is just closed. */
async function tellEnd(plan: Plan, outcome: Outcome, at: Micros, socket: WebSocket): Promise<void> {
  for (const [status, message] of ENDINGS[outcome]) {
    await send(socket, statusFrame(plan, status, message, at));
  }
  if (outcome !== "failed") {
    await send(socket, { type: "stream_end", message: "Stream ended", timestamp: isoNaive(at) });
  }
}

function statusFrame(plan: Plan, status: string, message: string, at: Micros): object {
  return { type: "status", status, message, progress_percentage: plan.progress, timestamp: isoNaive(at) };
}

/** Sends a frame, and waits until the client has room for more or has left. */
async function send(socket: WebSocket, frame: object): Promise<void> {
  const text = JSON.stringify(frame);
  if (socket.bufferedAmount < BUFFER_LIMIT) {
    socket.send(text);
  } else {
    await new Promise<void>((resolve) => {
      socket.send(text, () => resolve());
    });
  }
}
