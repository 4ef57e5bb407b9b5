import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Context, strikes } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { Connection, Pool } from "./pool.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The database connection that the request has until it is answered, where there is a pool of them. */
    connection: Connection | undefined;
  }
}

/** stall: how long the server answers between two stalls. */
const BETWEEN_STALLS_MS = 2_000;

/** Adds what can happen to a request of the plan API before it is looked at; without faults, nothing. */
export function addHazards(app: FastifyInstance, context: Context): void {
  const stallMs = context.faults.get("stall");
  app.decorateRequest("connection", undefined);
  if (context.faults.has("crash")) {
    addCrashes(app, context);
  }
  if (stallMs !== undefined) {
    addStalls(app, stallMs);
  }
  if (context.pool !== undefined) {
    addPool(app, context.pool, context.faults.has("sse-pool"));
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

/** @param withStreams whether an SSE stream holds a connection as long as it is open */
function addPool(app: FastifyInstance, pool: Pool, withStreams: boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    if (isOfApi(request)) {
      const closed = closeOf(reply);
      const connection = await pool.connect(closed);
      if (connection === undefined) {
        throw new ApiError(500, pool.timeoutMessage);
      }
      connection.holdUntil(isStream(request) && !withStreams ? Promise.resolve() : closed);
      request.connection = connection;
    }
  });
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
