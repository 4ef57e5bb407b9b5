/**
 * The event loop of a server whose database calls block it. While one of them waits, nobody is served: no request is
 * answered, no stream written, and that clients left goes unnoticed. Threads of their own, such as those of the pipelines, go on.
 */
export class EventLoop {
  /** What waits for its turn, in the order in which it came. */
  readonly #due: (() => void)[] = [];
  #isGoingOn = false;
  #blockedSince: number | undefined;
  #blockedBefore = 0;
  readonly #watchers = new Set<(blocked: boolean) => void>();

  get isBlocked(): boolean {
    return this.#blockedSince !== undefined;
  }

  /** For how long it was blocked so far, in milliseconds. */
  get blockedMs(): number {
    const since = this.#blockedSince;
    return Math.round(this.#blockedBefore + (since === undefined ? 0 : performance.now() - since));
  }

  /** Does a step now, or in its turn where the loop is or was blocked. A step may block it again for those after it. */
  run(step: () => void): void {
    if (this.isBlocked || this.#due.length > 0) {
      this.#due.push(step);
    } else {
      step();
    }
  }

  /** Fulfilled when it is the turn of the one who asks. */
  free(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  /** For whoever has his turn: fulfilled at once, but where it was blocked meanwhile. */
  async goOn(): Promise<void> {
    if (this.isBlocked) {
      await this.free();
    }
  }

  block(): void {
    this.#blockedSince = performance.now();
    this.#tell(true);
  }

  /** Lets it go on with what is due, up to the first step that blocks it again. */
  unblock(): void {
    this.#blockedBefore += performance.now() - (this.#blockedSince ?? performance.now());
    this.#blockedSince = undefined;
    this.#tell(false);
    this.#next();
  }

  /**
   * Calls each time that it is blocked, with true, and that it goes on, with false.
   * @returns a function that ends that
   */
  watch(watcher: (blocked: boolean) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Does one step. What a step has to do is done before the next one, as far as it need not wait. */
  #next(): void {
    const step = this.isBlocked || this.#isGoingOn ? undefined : this.#due.shift();
    if (step === undefined) {
      return;
    }
    this.#isGoingOn = true;
    step();
    setImmediate(() => {
      this.#isGoingOn = false;
      this.#next();
    });
  }

  #tell(blocked: boolean): void {
    for (const watcher of this.#watchers) {
      watcher(blocked);
    }
  }
}
