import type { Connection } from "./pool.ts";

/**
 * So many objects are allocated between two collections of the middle generation: 11 collections of the youngest, of 700
 * objects each (CPython 3.11's thresholds).
 */
const ALLOCATIONS = 7_700;

/** Objects that each leaves behind or holds at once, as measured on the real server (the collections that it made). */
export const ALLOCATED = { request: 1, queryParameter: 0.75, plan: 140, stream: 200, deletion: 70 } as const;

/**
 * sse-pool: what is given back only when garbage is collected, and that goes by allocations, not by time: the database
 * connection of a stream that has ended. A stream that is open at a collection grows old by it: nothing collects the
 * oldest generation of the real server any more, so its connection is lost.
 */
export class Garbage {
  readonly #open = new Set<Connection>();
  readonly #ended = new Set<Connection>();
  #allocated = 0;

  /**
   * Keeps the connection of a stream.
   * @returns a function to call when the stream has ended
   */
  keep(connection: Connection): () => void {
    this.#open.add(connection);
    return () => {
      if (this.#open.delete(connection)) {
        this.#ended.add(connection);
      }
    };
  }

  /** Allocates so many objects. */
  allocate(objects: number): void {
    this.#allocated += objects;
    if (this.#allocated >= ALLOCATIONS) {
      this.#allocated = 0;
      this.#collect();
    }
  }

  #collect(): void {
    const ended = [...this.#ended];
    this.#ended.clear();
    this.#open.clear();
    for (const connection of ended) {
      connection.release();
    }
  }
}
