import { ApiError } from "./errors.ts";
import type { EventLoop } from "./event-loop.ts";
import type { FaultSet } from "./faults.ts";
import { ALLOCATED, type Garbage } from "./garbage.ts";
import type { Pool } from "./pool.ts";

/** What the event loop of one server asks of its database; without a pool nobody ever waits. */
export class Database {
  readonly #loop: EventLoop;
  readonly #pool: Pool | undefined;
  readonly #garbage: Garbage;
  readonly #streamsHold: boolean;

  constructor(loop: EventLoop, pool: Pool | undefined, garbage: Garbage, faults: FaultSet) {
    this.#loop = loop;
    this.#pool = pool;
    this.#garbage = garbage;
    this.#streamsHold = faults.has("sse-pool");
  }

  /**
   * Does what needs a connection.
   * @param purpose what has failed where none came in time
   * @throws ApiError 500 when none came in time
   */
  async query<Result>(purpose: string, work: () => Result): Promise<Result> {
    const connection = await this.#pool?.onLoop();
    if (this.#pool !== undefined && connection === undefined) {
      throw new ApiError(500, `Failed to ${purpose}: ${this.#pool.timeoutMessage}`);
    }
    try {
      return work();
    } finally {
      connection?.release();
    }
  }

  /**
   * Takes what an SSE stream holds: with sse-pool a connection, which it has until garbage is collected after its end.
   * @returns a function to call when it has ended, or nothing when no connection came in time
   */
  async openStream(): Promise<(() => void) | undefined> {
    if (this.#pool === undefined) {
      await this.#loop.free();
      return () => {};
    }
    const connection = await this.#pool.onLoop();
    if (!this.#streamsHold) {
      connection?.release();
    }
    const ended = connection && this.#garbage.keep(connection);
    this.#garbage.allocate(ALLOCATED.stream);
    return ended;
  }
}
