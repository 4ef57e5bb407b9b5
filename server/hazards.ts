import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Context, strikes } from "./context.ts";
import { ApiError } from "./errors.ts";
import { ALLOCATED } from "./garbage.ts";
import type { Pool } from "./pool.ts";

/** stall: how long the server answers between two stalls. */
const BETWEEN_STALLS_MS = 2_000;

/** Adds what can happen to a request of the plan API before it is looked at; without faults, nothing. */
export function addHazards(app: FastifyInstance, context: Context): void {
  const stallMs = context.faults.get("stall");
  if (context.faults.has("crash")) {
    addCrashes(app, context);
  }
  if (stallMs !== undefined) {
    addStalls(app, stallMs);
  }
  if (context.pool !== undefined) {
    addPool(app, context, context.pool);
  }
}

function isOfApi({ url }: FastifyRequest): boolean {
  return !/^\/(metrics|admin)\b/.test(url);
}

function addCrashes(app: FastifyInstance, context: Context): void {
  app.addHook("onRequest", async ({ method }, reply) => {
    const creates = method === "POST" || method === "DELETE";
    if (creates && strikes(context, "crash")) {
      reply.hijack();
      context.crashes.crash();
    }
  });
}

function addStalls(app: FastifyInstance, ms: number): void {
  const startedAt = performance.now();
  app.addHook("onRequest", async (request) => {
    const into = (performance.now() - startedAt) % (BETWEEN_STALLS_MS + ms);
    if (isOfApi(request) && into > BETWEEN_STALLS_MS) {
      await sleep(BETWEEN_STALLS_MS + ms - into, undefined, { ref: false });
    }
  });
}

/**
 * Requests are served on the event loop, and what they ask of the database blocks it: a request that has to wait for a
 * connection holds up all others. An SSE stream keeps its connection until garbage is collected after its end.
 */
function addPool(app: FastifyInstance, context: Context, pool: Pool): void {
  const { loop, garbage } = context;
  app.addHook("onRequest", async (request, reply) => {
    if (!isOfApi(request)) {
      return;
    }
    const closed = closeOf(reply);
    // Of several who waited, each may block it again for the others.
    do {
      await loop.free();
    } while (loop.isBlocked);
    garbage.allocate(ALLOCATED.request + ALLOCATED.queryParameter * parametersIn(request));
    if (!usesDatabase(request)) {
      return;
    }
    const hasToWait = pool.isExhausted;
    const connecting = pool.connect(NEVER);
    const connection = await (hasToWait ? loop.block(connecting) : connecting);
    if (connection === undefined) {
      return isStream(request) ? breakOff(reply) : failWith(pool.timeoutMessage);
    }
    connection.holdUntil(isStream(request) ? streamHold(closed, context) : closed);
  });
}

/** Fulfilled when what a stream holds is given back: with ws-pool it holds nothing, with sse-pool beyond its end. */
async function streamHold(closed: Promise<void>, { loop, garbage, faults }: Context): Promise<void> {
  if (!faults.has("sse-pool")) {
    return;
  }
  garbage.allocate(ALLOCATED.stream);
  await closed;
  await loop.free();
  await garbage.collected();
}

/** The wait for a connection is not broken off: whoever waits blocks the loop, and notices nothing. */
const NEVER = new Promise<void>(() => {});

function failWith(message: string): never {
  throw new ApiError(500, message);
}

/** A stream whose generator fails has its head by then. */
function breakOff(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" }).flushHeaders();
  reply.raw.destroy();
}

const parametersIn = ({ url }: FastifyRequest): number => url.split(/[?&]/).length - 1;

/** /health and /api/models tell what is known without it. */
function usesDatabase({ routeOptions: { url } }: FastifyRequest): boolean {
  return url !== undefined && url !== "/health" && url !== "/api/models";
}

/** Fulfilled when the answer has been given, or the client has left without it. */
function closeOf({ raw }: FastifyReply): Promise<void> {
  return new Promise((resolve) => {
    if (raw.destroyed) {
      resolve();
    } else {
      raw.once("close", resolve);
    }
  });
}

function isStream({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.endsWith("/stream") ?? false;
}
