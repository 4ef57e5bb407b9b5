/**
 * The event loop of a server whose database calls block it. While one of them waits, nobody is served: no request is
 * answered, no stream written, and that clients left goes unnoticed. Threads of their own, such as those of the pipelines, go on.
 */
export class EventLoop {
  /** Fulfilled when what blocks it now does no more. */
  #blockedBy: Promise<unknown> | undefined;
  #blockedSince = 0;
  #blockedMs = 0;

  get isBlocked(): boolean {
    return this.#blockedBy !== undefined;
  }

  /** For how long it was blocked so far, in milliseconds. */
  get blockedMs(): number {
    return Math.round(this.#blockedMs + (this.isBlocked ? performance.now() - this.#blockedSince : 0));
  }

  /** Waits until nothing blocks it: whoever comes first goes on first, and may block it again for the others. */
  async free(): Promise<void> {
    while (this.#blockedBy !== undefined) {
      await this.#blockedBy;
    }
  }

  /** Blocks it until `call` has its result. */
  async block<Result>(call: Promise<Result>): Promise<Result> {
    this.#blockedSince = performance.now();
    const done = call.finally(() => {
      this.#blockedBy = undefined;
      this.#blockedMs += performance.now() - this.#blockedSince;
    });
    this.#blockedBy = done;
    return done;
  }
}
