import type { EventLoop } from "./event-loop.ts";
import type { FaultSet } from "./faults.ts";

/** The connections of a pool, and who waits for one: the event loop, or plans' threads. */
export interface PoolCounts {
  readonly size: number;
  readonly held: number;
  readonly waiting: number;
}

/** A database connection that somebody holds until he gives it back. */
export class Connection {
  #giveBack: (() => void) | undefined;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** Gives it back; only the first time counts. */
  release(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.();
  }
}

/** How many connections a pool has, and how long one is waited for. */
export interface PoolSettings {
  readonly size: number;
  readonly timeoutMs: number;
}

const SIZE = 15;

/** sse-pool, ws-pool: the database connections of one server. */
export class Pool {
  readonly #loop: EventLoop;
  readonly #size: number;
  readonly #timeoutMs: number;
  /** Those who wait, in the order in which they came; each is called once. */
  readonly #waiting = new Set<(connection?: Connection) => void>();
  #held = 0;
  #isStopped = false;

  constructor(loop: EventLoop, { size, timeoutMs }: PoolSettings) {
    this.#loop = loop;
    this.#size = size;
    this.#timeoutMs = timeoutMs;
  }

  get counts(): PoolCounts {
    return { size: this.#size, held: this.#held, waiting: this.#waiting.size };
  }

  /** What is said when no connection came in time. */
  get timeoutMessage(): string {
    const seconds = (this.#timeoutMs / 1000).toFixed(2);
    const more = "(Background on this error at: https://sqlalche.me/e/20/3o7r)";
    return `QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout ${seconds} ${more}`;
  }

  /** A connection for what the event loop does, which is blocked until there is one; nothing when none came in time. */
  onLoop(): Promise<Connection | undefined> {
    return new Promise((resolve) => {
      this.#loop.run(() => {
        if (this.#held < this.#size) {
          return resolve(this.#take());
        }
        this.#loop.block();
        this.#wait((connection) => {
          resolve(connection);
          this.#loop.unblock();
        });
      });
    });
  }

  /** A connection for a thread of its own, which waits without holding up anybody; nothing when none came in time. */
  inThread(): Promise<Connection | undefined> {
    return new Promise((resolve) => {
      if (this.#held < this.#size) {
        resolve(this.#take());
      } else {
        this.#wait(resolve);
      }
    });
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#isStopped = true;
    for (const settle of [...this.#waiting]) {
      settle();
    }
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

  #wait(got: (connection?: Connection) => void): void {
    const settle = (connection?: Connection) => {
      this.#waiting.delete(settle);
      clearTimeout(timeout);
      got(connection);
    };
    const timeout = setTimeout(settle, this.#isStopped ? 0 : this.#timeoutMs);
    this.#waiting.add(settle);
  }
}

/** The pool that a server with these faults has. */
export function poolOf(faults: FaultSet, loop: EventLoop): Pool | undefined {
  const timeoutMs = faults.get("sse-pool") ?? faults.get("ws-pool");
  return timeoutMs === undefined
    ? undefined
    : new Pool(loop, { size: faults.get("pool-size") ?? SIZE, timeoutMs });
}
