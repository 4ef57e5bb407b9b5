import { setTimeout as sleep } from "node:timers/promises";
import { isoNaive, type Micros, now } from "./clock.ts";
import type { FaultName, FaultSet } from "./faults.ts";
import { Pace } from "./pace.ts";
import { JOB_LIMITS } from "./pipeline.ts";

/** How a plan ended; `fallback` is a failed pipeline whose plan was completed by the fallback report. */
export type Outcome = "completed" | "failed" | "fallback";

/** What happens in the life of a plan, and when. */
export type TimedEvent =
  | { readonly kind: "log"; readonly text: string; readonly at: Micros }
  | { readonly kind: "stdout_closed"; readonly at: Micros }
  | { readonly kind: "finished"; readonly outcome: Outcome; readonly at: Micros };

/** What a plan's streams are told; nothing follows `finished` but `deleted`, and nothing new follows that. */
export type PlanEvent = TimedEvent | { readonly kind: "deleted"; readonly at: Micros };

/** llm-stream: what newer servers tell beside a line of the log, of a type that older ones do not have. */
export const llmStream = (at: Micros) => ({
  type: "llm_stream",
  message: "a part of what a model answers",
  timestamp: isoNaive(at),
});

/** Log messages kept for those who join late or read slowly; older ones are lost to them. */
const KEPT_MESSAGES = 10_000;
/** Faults that hold messages up, but lose none: with them, every message is kept. */
const HOLDING_UP: readonly FaultName[] = ["throttle", "latency"];

/** A place in a plan's events. */
interface Cursor {
  next: number;
  /** The plan had finished when the reader came: it gets the log and the outcome, nothing in between. */
  readonly late: boolean;
}

/** Gives the events of one plan to one stream. */
export interface Reader {
  /** The next event, when there is one; nothing once the reader is closed. */
  next(): Promise<PlanEvent | undefined>;
  close(): void;
}

/**
 * The events of one plan and how they reach its streams. Kept is when each of the last log messages was read,
 * and every reader has its own place, so a replay followed by what is new has neither gaps nor duplicates,
 * and a slow reader costs no memory.
 */
export class Feed {
  readonly #faults: FaultSet;
  readonly #lineOf: (number: number) => string;
  readonly #kept: number;
  /** When message n was read, at n modulo the number kept. */
  readonly #stamps: Micros[] = [];
  /** What came after the log. */
  readonly #tail: PlanEvent[] = [];
  /** slow-reader-blocks: how far its streams have come. */
  readonly pace = new Pace();
  readonly #sharedCursor: Cursor = { next: 0, late: false };
  #count = 0;
  #lastStamp: Micros = 0;
  /** When the plan was deleted, and the place of what came after that: nobody is told. */
  #deletion: { readonly at: Micros; readonly next: number } | undefined;
  #watched = false;
  #isQueueRemoved = false;
  /** Readers with nothing to read, in the order in which they came to wait. */
  readonly #waiting = new Set<WaitingReader>();

  /** @param lineOf the text of log message n, counted from 0 */
  constructor(faults: FaultSet, lineOf: (number: number) => string) {
    this.#faults = faults;
    this.#lineOf = lineOf;
    this.#kept = HOLDING_UP.some((fault) => faults.has(fault)) ? JOB_LIMITS.lines[1] : KEPT_MESSAGES;
  }

  /** Log messages stamped so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether newcomers still find the queue of the plan's SSE streams. */
  get hasQueue(): boolean {
    return !this.#isQueueRemoved;
  }

  /** Whether it has ever been read by an SSE stream. */
  get watched(): boolean {
    return this.#watched;
  }

  /** Stamps the next log message. */
  log(): void {
    this.#stamps[this.#count % this.#kept] = this.#stamp();
    this.#count++;
    this.#wake();
  }

  /** The output of the pipeline has ended. */
  stdoutClosed(): void {
    this.#tail.push({ kind: "stdout_closed", at: this.#stamp() });
    this.#wake();
  }

  /** The plan has ended; nothing comes after this but its deletion. */
  finish(outcome: Outcome): void {
    this.#tail.push({ kind: "finished", outcome, at: this.#stamp() });
    this.#wake();
  }

  /** The plan was deleted: its readers are told so after what they have not read yet. */
  delete(): void {
    this.#deletion = { at: this.#stamp(), next: this.#count + this.#tail.length };
    this.#wake();
  }

  /** A reader for an SSE stream, or nothing when the plan's queue was removed. */
  openSse(): Reader | undefined {
    if (!this.hasQueue) {
      return undefined;
    }
    this.#watched = true;
    // sse-shared-queue: one place for all readers, so what one of them takes no other gets
    const cursor = this.#faults.has("sse-shared-queue") ? this.#sharedCursor : this.#cursorAt(0);
    const take = () => this.#take(cursor);
    const poll = this.#faults.get("sse-poll");
    return poll === undefined ? new WaitingReader(take, this.#waiting) : new PollingReader(take, poll);
  }

  /**
   * An SSE stream has ended, told that the plan is over or because its client left.
   * sse-queue-removed: either way no newcomer finds the queue any more, and what waited in it is lost to those who share it.
   * Who stays goes on hearing what comes.
   */
  closeSse(): void {
    if (!this.#faults.has("sse-queue-removed") || this.#isQueueRemoved) {
      return;
    }
    this.#isQueueRemoved = true;
    this.#sharedCursor.next = this.#count + this.#tail.length;
  }

  /** A reader for a WebSocket. */
  openWs(): Reader {
    const cursor = this.#cursorAt(this.#faults.has("ws-no-replay") ? this.#count : 0);
    return new WaitingReader(() => this.#take(cursor), this.#waiting);
  }

  #cursorAt(next: number): Cursor {
    return { next, late: this.#tail.length > 0 };
  }

  /** Each stamp is later than the one before, so that it identifies its message. */
  #stamp(): Micros {
    this.#lastStamp = Math.max(now(), this.#lastStamp + 1);
    return this.#lastStamp;
  }

  #take(cursor: Cursor): PlanEvent | undefined {
    cursor.next = Math.max(cursor.next, this.#count - this.#kept);
    if (this.#deletion !== undefined && cursor.next >= this.#deletion.next) {
      return { kind: "deleted", at: this.#deletion.at };
    }
    const event = this.#eventAt(cursor.next);
    if (event === undefined) {
      return undefined;
    }
    cursor.next++;
    return cursor.late && event.kind === "stdout_closed" ? this.#take(cursor) : event;
  }

  #eventAt(index: number): PlanEvent | undefined {
    const at = index < this.#count ? this.#stamps[index % this.#kept] : undefined;
    return at === undefined
      ? this.#tail[index - this.#count]
      : { kind: "log", text: this.#lineOf(index), at };
  }

  #wake(): void {
    for (const reader of this.#waiting) {
      reader.wake();
    }
  }
}

type Take = () => PlanEvent | undefined;

/** Is given an event as soon as there is one, before readers that came to wait later. */
class WaitingReader implements Reader {
  readonly #take: Take;
  readonly #waiting: Set<WaitingReader>;
  #resolve: ((event: PlanEvent | undefined) => void) | undefined;
  #closed = false;

  constructor(take: Take, waiting: Set<WaitingReader>) {
    this.#take = take;
    this.#waiting = waiting;
  }

  async next(): Promise<PlanEvent | undefined> {
    if (this.#closed) {
      return undefined;
    }
    return this.#take() ?? this.#await();
  }

  wake(): void {
    const event = this.#take();
    if (event !== undefined) {
      this.#settle(event);
    }
  }

  close(): void {
    this.#closed = true;
    this.#settle(undefined);
  }

  #await(): Promise<PlanEvent | undefined> {
    this.#waiting.add(this);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #settle(event: PlanEvent | undefined): void {
    this.#waiting.delete(this);
    this.#resolve?.(event);
  }
}

/**
 * sse-poll: takes everything that is there, then looks again after so many milliseconds, beginning when its stream opens.
 * Readers that share a queue get shares of it as uneven as the distances between their polls.
 */
class PollingReader implements Reader {
  readonly #take: Take;
  readonly #pollMs: number;
  #closed = false;

  constructor(take: Take, pollMs: number) {
    this.#take = take;
    this.#pollMs = pollMs;
  }

  async next(): Promise<PlanEvent | undefined> {
    while (!this.#closed) {
      const event = this.#take();
      if (event !== undefined) {
        return event;
      }
      await sleep(this.#pollMs, undefined, { ref: false });
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
  }
}
