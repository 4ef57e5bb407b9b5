import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { seededRandom } from "../record/random.ts";
import { addAdmin } from "./admin.ts";
import { addApi } from "./api.ts";
import type { Context, Crashes } from "./context.ts";
import { Database } from "./database.ts";
import { EventLoop } from "./event-loop.ts";
import { type BehaviourName, behaviourNamed, describeFaults, type FaultSet, faultsOf } from "./faults.ts";
import { Garbage } from "./garbage.ts";
import type { PipelineJob } from "./pipeline.ts";
import { PlanStore } from "./plans.ts";
import { poolOf } from "./pool.ts";
import { Waste } from "./waste.ts";
import { type OpenWebSockets, serveWebSockets } from "./websocket.ts";

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
  /** How long after a crash it listens again, ms. */
  readonly restartMs: number;
  /** Whether it has `/metrics`. */
  readonly metrics: boolean;
  /** Connections at once; one beyond is closed without a word. */
  readonly maxConnections: number;
}

/** What a server is when nothing else is said. */
export const SERVER_DEFAULTS: ServerOptions = {
  host: "127.0.0.1",
  port: 8080,
  behaviour: "healthy",
  faults: [],
  seed: 1,
  pipeline: { lines: 60, rate: 20, exit: 0 },
  restartMs: 1_000,
  metrics: true,
  maxConnections: 20_000,
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
  return new RestartingServer({ ...SERVER_DEFAULTS, ...options });
}

/** A server that crashes, where a fault makes it, and comes back on the port that it had. */
class RestartingServer implements ReferenceServer, Crashes {
  readonly description: string;
  /** How often it has crashed. */
  count = 0;
  readonly #settings: ServerOptions;
  readonly #faults: FaultSet;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  #port: number;
  #life: Life;
  /** Fulfilled when it is back from its last crash. */
  #isBack = Promise.resolve();

  constructor(settings: ServerOptions) {
    this.#settings = settings;
    this.#port = settings.port;
    this.#faults = faultsOf(settings.behaviour, settings.faults);
    this.description = describeFaults(settings.behaviour, this.#faults);
    this.#random = seededRandom(settings.seed);
    this.#life = this.#newLife();
  }

  async start(): Promise<number> {
    this.#port = await this.#life.listen(this.#settings.host, this.#port);
    return this.#port;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#isBack;
    await this.#life.stop();
  }

  crash(): void {
    this.count++;
    this.#isBack = this.#comeBack(this.#life.kill());
  }

  async #comeBack(dead: Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    await dead;
    await sleep(this.#settings.restartMs, undefined, { signal }).catch(() => {});
    if (!signal.aborted) {
      this.#life = this.#newLife();
      await this.start().catch((error) => this.#tryAgain(error));
    }
  }

  /** While nobody listened, the port may have been given to a client. */
  async #tryAgain(error: NodeJS.ErrnoException): Promise<void> {
    if (error.code !== "EADDRINUSE") {
      throw error;
    }
    await this.#comeBack(this.#life.stop());
  }

  #newLife(): Life {
    const { behaviour: version, pipeline, metrics, maxConnections } = this.#settings;
    const faults = this.#faults;
    const behaviour = behaviourNamed(version);
    // the fallback came with the WebSocket: before, a failed pipeline was a failed plan
    const failure = behaviour.transports.includes("ws") ? "fallback" : "failed";
    const loop = new EventLoop();
    const pool = poolOf(faults, loop);
    const garbage = new Garbage();
    const context = {
      behaviour,
      version,
      description: this.description,
      faults,
      random: this.#random,
      plans: new PlanStore(pipeline, faults, loop, failure, pool),
      streams: { open: { sse: 0, ws: 0 }, opened: { sse: 0, ws: 0 }, orphans: 0, mostConnections: 0 },
      waste: new Waste(faults),
      crashes: this,
      pool,
      loop,
      garbage,
      database: new Database(loop, pool, garbage, faults),
      metrics,
    };
    return new Life(context, maxConnections);
  }
}

/** A server from its start to its stop or crash, with everything that does not survive a crash. */
class Life {
  readonly #context: Context;
  readonly #app: FastifyInstance;
  readonly #webSockets: OpenWebSockets;

  constructor(context: Context, maxConnections: number) {
    this.#context = context;
    this.#app = Fastify({ bodyLimit: BODY_LIMIT, exposeHeadRoutes: false, forceCloseConnections: true });
    this.#app.server.maxConnections = maxConnections;
    addApi(this.#app, context);
    addAdmin(this.#app, context);
    this.#webSockets = serveWebSockets(this.#app.server, context);
  }

  /** @returns the port */
  async listen(host: string, port: number): Promise<number> {
    const address = await this.#app.listen({ host, port });
    this.#context.waste.start();
    return Number(new URL(address).port);
  }

  async stop(): Promise<void> {
    const wasted = this.#context.waste.stop();
    this.#context.plans.stop();
    const closed = this.#app.close();
    this.#context.pool?.stop();
    await this.#webSockets.close();
    await Promise.all([closed, wasted]);
  }

  /** Ends it in the middle of whatever it does: clients are told nothing. */
  async kill(): Promise<void> {
    this.#app.server.closeAllConnections();
    this.#webSockets.terminate();
    await this.stop();
  }
}
