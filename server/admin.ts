import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Context, StreamCounts } from "./context.ts";

/** What `GET /admin/counts` answers. */
export interface AdminCounts {
  /** Plans held, and those of them that are pending or running. */
  readonly plans: number;
  readonly running: number;
  /** Streams open now, and opened since the start. */
  readonly streams: StreamCounts;
  readonly opened: StreamCounts;
  /** WebSockets orphaned since the start. */
  readonly orphans: number;
  /** Queues held for plans' SSE streams. */
  readonly queues: number;
  /** Pipeline log messages stamped since the start, deleted plans' too. */
  readonly messages: number;
}

/** Adds what is not part of the plan API: `/metrics` in Prometheus' text format, and `/admin/counts`. */
export function addAdmin(app: FastifyInstance, context: Context): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addThreads(registry);
  app.get("/metrics", async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  app.get("/admin/counts", () => countsOf(context));
}

/** prom-client has no count of threads; Linux has one. */
function addThreads(registry: Registry): void {
  if (process.platform === "linux") {
    new Gauge({
      name: "process_threads",
      help: "Number of operating system threads in the process.",
      registers: [registry],
      collect() {
        const status = readFileSync("/proc/self/status", "utf8");
        this.set(Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1]));
      },
    });
  }
}

function countsOf({ plans, streams }: Context): AdminCounts {
  const all = plans.all();
  return {
    plans: all.length,
    running: all.filter((plan) => plan.unfinished).length,
    streams: streams.open,
    opened: streams.opened,
    orphans: streams.orphans,
    queues: all.filter((plan) => plan.feed.hasQueue).length,
    messages: plans.stamped,
  };
}
