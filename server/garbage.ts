/**
 * So many objects are allocated between two collections of the middle generation: 11 collections of the youngest, of 700
 * objects each (CPython 3.11's thresholds).
 */
const ALLOCATIONS = 7_700;

/** Objects that each leaves behind or holds at once, as measured on the real server (the collections that it made). */
export const ALLOCATED = { request: 1, queryParameter: 0.75, plan: 140, stream: 200 } as const;

/**
 * sse-pool: what is given back only when garbage is collected, and that goes by allocations, not by time: the database
 * connection of a stream that has ended.
 */
export class Garbage {
  #waiting: (() => void)[] = [];
  #allocated = 0;

  /** Fulfilled at the next collection. */
  collected(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Allocates so many objects. */
  allocate(objects: number): void {
    this.#allocated += objects;
    if (this.#allocated < ALLOCATIONS) {
      return;
    }
    this.#allocated = 0;
    for (const collect of this.#waiting.splice(0)) {
      collect();
    }
  }
}
