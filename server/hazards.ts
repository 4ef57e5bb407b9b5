import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Context, strikes } from "./context.ts";
import { ALLOCATED } from "./garbage.ts";

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
    addAllocations(app, context);
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

/** Every request leaves some garbage. */
function addAllocations(app: FastifyInstance, { garbage }: Context): void {
  app.addHook("onRequest", async (request) => {
    if (isOfApi(request)) {
      garbage.allocate(ALLOCATED.request + ALLOCATED.queryParameter * parametersIn(request));
    }
  });
}

const parametersIn = ({ url }: FastifyRequest): number => url.split(/[?&]/).length - 1;
