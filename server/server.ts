import Fastify from "fastify";
import { seededRandom } from "../record/random.ts";
import { addAdmin } from "./admin.ts";
import { addApi } from "./api.ts";
import type { Context } from "./context.ts";
import { type BehaviourName, behaviourNamed, describeFaults, faultsOf } from "./faults.ts";
import type { PipelineJob } from "./pipeline.ts";
import { PlanStore } from "./plans.ts";
import { serveWebSockets } from "./websocket.ts";

/** How a reference server behaves and where it listens. */
export interface ServerOptions {
  /** Interface to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  readonly behaviour: BehaviourName;
  /** Faults added to the behaviour's, each `NAME` or `NAME=VALUE`. */
  readonly faults: readonly string[];
  /** Seed of everything that is left to chance. */
  readonly seed: number;
  /** The pipeline of a prompt that has no directive. */
  readonly pipeline: PipelineJob;
}

/** What a server is when nothing else is said. */
export const SERVER_DEFAULTS: ServerOptions = {
  host: "127.0.0.1",
  port: 8080,
  behaviour: "healthy",
  faults: [],
  seed: 1,
  pipeline: { lines: 60, rate: 20, exit: 0 },
};

/** A plan API with a simulated pipeline. */
export interface ReferenceServer {
  /** Behaviour and faults in one line, as `/health` gives it. */
  readonly description: string;
  /**
   * Listens.
   * @returns the port
   * @throws Error with the `code` that the system gives, such as EADDRINUSE
   */
  start(): Promise<number>;
  /** Stops the pipelines, closes WebSockets with 1012, breaks off everything else, and stops listening. */
  stop(): Promise<void>;
}

/** More than any body of the API needs, bytes. */
const BODY_LIMIT = 64 * 1024;

/**
 * Makes a server, not yet listening.
 * @param options those that differ from SERVER_DEFAULTS
 * @throws FaultError when a fault or its value is wrong
 */
export function createReferenceServer(options: Partial<ServerOptions> = {}): ReferenceServer {
  const settings = { ...SERVER_DEFAULTS, ...options };
  const context = contextOf(settings);
  const app = Fastify({ bodyLimit: BODY_LIMIT, exposeHeadRoutes: false, forceCloseConnections: true });
  addApi(app, context);
  addAdmin(app, context);
  const closeWebSockets = serveWebSockets(app.server, context);
  return {
    description: context.description,
    async start() {
      const address = await app.listen({ host: settings.host, port: settings.port });
      return Number(new URL(address).port);
    },
    async stop() {
      context.plans.stop();
      const closed = app.close();
      await closeWebSockets();
      await closed;
    },
  };
}

function contextOf({ behaviour: version, faults: added, seed, pipeline }: ServerOptions): Context {
  const behaviour = behaviourNamed(version);
  const faults = faultsOf(version, added);
  // the fallback came with the WebSocket: before, a failed pipeline was a failed plan
  const failure = behaviour.transports.includes("ws") ? "fallback" : "failed";
  return {
    behaviour,
    version,
    description: describeFaults(version, faults),
    faults,
    random: seededRandom(seed),
    plans: new PlanStore(pipeline, faults, failure),
    streams: { open: { sse: 0, ws: 0 }, opened: { sse: 0, ws: 0 }, orphans: 0 },
  };
}
