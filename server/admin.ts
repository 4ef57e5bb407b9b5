import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Context, StreamCounts } from "./context.ts";
import type { PoolCounts } from "./pool.ts";

/** What `GET /admin/counts` answers. */
export interface AdminCounts {
  /** Plans held, and those of them that are pending or running. */
  readonly plans: number;
  /** Deleted plans whose pipeline runs on are among these, and not among the plans held. */
  readonly running: number;
  /** Streams open now, and opened since the start. */
  readonly streams: StreamCounts;
  readonly opened: StreamCounts;
  /** WebSockets orphaned since the start. */
  readonly orphans: number;
  /** The most plans running and streams open at one moment since the start. */
  readonly mostConnections: number;
  /** Queues held for plans' SSE streams. */
  readonly queues: number;
  /** Pipeline log messages stamped since the start, deleted plans' too. */
  readonly messages: number;
  /** Crashes so far, with the fault that makes them. Everything else is counted since the last one. */
  readonly crashes: number | undefined;
  /** Leaked since the start, with the faults that leak memory. */
  readonly leakedKiB: number | undefined;
  /** The database connections, with the faults that have a pool of them. */
  readonly pool: PoolCounts | undefined;
  /** For how long waits for a connection have blocked everything, in milliseconds, with those faults. */
  readonly frozenMs: number | undefined;
}

/** The figures of the process, whatever servers there are in it. */
const METRICS = processMetrics();

function processMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addThreads(registry);
  return registry;
}

/** Adds what is not part of the plan API: `/metrics` in Prometheus' text format, if wanted, and `/admin/counts`. */
export function addAdmin(app: FastifyInstance, context: Context): void {
  if (context.metrics)
    app.get("/metrics", async (_, reply) => reply.type(METRICS.contentType).send(await METRICS.metrics()));
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

function countsOf({ plans, streams, faults, crashes, waste, pool, loop }: Context): AdminCounts {
  const all = plans.all();
  return {
    plans: all.length,
    running: plans.unfinished,
    streams: streams.open,
    opened: streams.opened,
    orphans: streams.orphans,
    mostConnections: streams.mostConnections,
    queues: all.filter((plan) => plan.feed.hasQueue).length,
    messages: plans.stamped,
    crashes: faults.has("crash") ? crashes.count : undefined,
    leakedKiB: waste.leakedKiB,
    pool: pool?.counts,
    frozenMs: pool === undefined ? undefined : loop.blockedMs,
  };
}
