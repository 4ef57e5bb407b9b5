import type { Connection } from "./pool.ts";

/** So many objects are allocated between two collections of the youngest generation (CPython 3.11's thresholds). */
const ALLOCATIONS = 700;
/** Every so many collections are of the middle generation too. */
const YOUNG_COLLECTIONS = 11;
/** Of these the start of a server and its first requests use up so many. */
const USED_UP = 7;

/** Objects that each leaves behind or holds at once, as measured on the real server (the collections that it made). */
export const ALLOCATED = { request: 1, queryParameter: 0.75, plan: 140, stream: 200, deletion: 10 } as const;

/** The connection of a stream, and whether the stream has ended. */
interface Kept {
  readonly connection: Connection;
  hasEnded: boolean;
}

/**
 * sse-pool: what is given back only when garbage is collected, and that goes by allocations, not by time: the database
 * connection of a stream that has ended. What survives a collection is older than that one looks at the next time. The
 * oldest generation of the real server is not collected any more: a stream that grows so old has lost its connection.
 */
export class Garbage {
  #young: Kept[] = [];
  #middle: Kept[] = [];
  /** The next stream is being opened while the youngest is collected, and so it is as old as what is in use. */
  #isNextOld = false;
  #allocated = 0;
  #collections = USED_UP;

  /**
   * Keeps the connection of a stream.
   * @returns a function to call when the stream has ended
   */
  keep(connection: Connection): () => void {
    const kept = { connection, hasEnded: false };
    (this.#isNextOld ? this.#middle : this.#young).push(kept);
    this.#isNextOld = false;
    return () => {
      kept.hasEnded = true;
    };
  }

  /** Allocates so many objects. */
  allocate(objects: number): void {
    this.#allocated += objects;
    for (; this.#allocated >= ALLOCATIONS; this.#allocated -= ALLOCATIONS) {
      this.#collections++;
      if (this.#collections === YOUNG_COLLECTIONS) {
        this.#collections = 0;
        collect([...this.#young.splice(0), ...this.#middle.splice(0)]);
      } else {
        this.#collectYoung();
      }
    }
  }

  #collectYoung(): void {
    const inUse = collect(this.#young.splice(0));
    this.#middle.push(...inUse);
    this.#isNextOld = inUse.length === 0;
  }
}

/** @returns what is in use still */
function collect(generation: readonly Kept[]): Kept[] {
  for (const { connection, hasEnded } of generation) {
    if (hasEnded) {
      connection.release();
    }
  }
  return generation.filter(({ hasEnded }) => !hasEnded);
}
