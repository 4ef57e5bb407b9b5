/**
 * The event loop of a server whose database calls block it. While one of them waits, nobody is served: no request is
 * answered, no stream written, and that clients left goes unnoticed. Threads of their own, such as those of the pipelines, go on.
 */
export class EventLoop {
  /** What waits for its turn, in the order in which it came. */
  #due: (() => void)[] = [];
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

  /** Does a step now, or in its turn where the loop is blocked. A step may block it again for those after it. */
  run(step: () => void): void {
    if (this.isBlocked) {
      this.#due.push(step);
    } else {
      step();
    }
  }

  /** Fulfilled when it is the turn of the one who asks. */
  free(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  block(): void {
    this.#blockedSince = performance.now();
    this.#tell(true);
  }

  /** Does what is due, up to the first step that blocks it again. */
  unblock(): void {
    this.#blockedBefore += performance.now() - (this.#blockedSince ?? performance.now());
    this.#blockedSince = undefined;
    this.#tell(false);
    const due = this.#due;
    this.#due = [];
    const last = due.findIndex((step) => {
      step();
      return this.isBlocked;
    });
    if (last >= 0) {
      this.#due = [...due.slice(last + 1), ...this.#due];
    }
  }

  /**
   * Calls each time that it is blocked, with true, and that it goes on, with false.
   * @returns a function that ends that
   */
  watch(watcher: (blocked: boolean) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(blocked: boolean): void {
    for (const watcher of this.#watchers) {
      watcher(blocked);
    }
  }
}
