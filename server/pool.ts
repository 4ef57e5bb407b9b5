import type { FaultSet } from "./faults.ts";

/** The connections of a pool, and who waits for one. */
export interface PoolCounts {
  readonly size: number;
  readonly held: number;
  readonly waiting: number;
}

/** A database connection, given back when nobody holds it any more. */
export class Connection {
  readonly #giveBack: () => void;
  #holders = 0;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** Holds it, besides who else does, until the promise is fulfilled. */
  holdUntil(done: Promise<void>): void {
    this.#holders++;
    done.then(() => {
      this.#holders--;
      if (this.#holders === 0) {
        this.#giveBack();
      }
    });
  }
}

/** Of the real server: 5 that are kept, and 10 beyond them. */
const SIZE = 15;

/** sse-pool, ws-pool: the database connections of one server. */
export class Pool {
  readonly #timeoutMs: number;
  readonly #size: number;
  /** Those who wait, in the order in which they came; each is called once. */
  readonly #waiting = new Set<(connection?: Connection) => void>();
  #held = 0;

  /** @param timeoutMs how long to wait for a connection */
  constructor(timeoutMs: number, size = SIZE) {
    this.#timeoutMs = timeoutMs;
    this.#size = size;
  }

  get counts(): PoolCounts {
    return { size: this.#size, held: this.#held, waiting: this.#waiting.size };
  }

  /** What is said when no connection came in time. */
  get timeoutMessage(): string {
    const seconds = (this.#timeoutMs / 1000).toFixed(2);
    return `QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout ${seconds}`;
  }

  /** Whether the next one who asks has to wait. */
  get isExhausted(): boolean {
    return this.#held >= this.#size;
  }

  /**
   * A connection, to be held by whoever asked; nothing when none came in time.
   * @param gone fulfilled when the one who asked no longer waits
   */
  async connect(gone: Promise<void>): Promise<Connection | undefined> {
    return this.isExhausted ? this.#wait(gone) : this.#take();
  }

  #take(): Connection {
    this.#held++;
    return new Connection(() => this.#giveBack());
  }

  #giveBack(): void {
    this.#held--;
    const [next] = this.#waiting;
    next?.(this.#take());
  }

  #wait(gone: Promise<void>): Promise<Connection | undefined> {
    return new Promise((resolve) => {
      const settle = (connection?: Connection) => {
        this.#waiting.delete(settle);
        clearTimeout(timeout);
        resolve(connection);
      };
      const timeout = setTimeout(settle, this.#timeoutMs);
      this.#waiting.add(settle);
      gone.then(() => settle());
    });
  }
}

/** The pool that a server with these faults has. */
export function poolOf(faults: FaultSet): Pool | undefined {
  const timeoutMs = faults.get("sse-pool") ?? faults.get("ws-pool");
  return timeoutMs === undefined ? undefined : new Pool(timeoutMs, faults.get("pool-size"));
}
