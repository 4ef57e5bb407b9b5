import { setTimeout as sleep } from "node:timers/promises";
import { isoNaive, type Micros, now } from "./clock.ts";
import type { EventLoop } from "./event-loop.ts";
import type { FaultName, FaultSet, Transport } from "./faults.ts";
import { Pace } from "./pace.ts";
import { JOB_LIMITS } from "./pipeline.ts";

/** How a plan ended; `fallback` is a failed pipeline whose plan was completed by the fallback report. */
export type Outcome = "completed" | "failed" | "fallback";

/** What happens in the life of a plan, and when. */
export type TimedEvent =
  | { readonly kind: "log"; readonly text: string; readonly at: Micros }
  | { readonly kind: "stdout_closed"; readonly at: Micros }
  | { readonly kind: "finished"; readonly outcome: Outcome; readonly at: Micros };

/** How a stream hears that it is over: because its plan is, or because it was sent away, as when the plan was deleted. */
type EndEvent =
  | { readonly kind: "end"; readonly started: boolean; readonly at: Micros }
  | { readonly kind: "dismissed"; readonly at: Micros };

/** What a plan's streams are told: `end` comes after `finished`, and nothing follows it but `dismissed`. */
export type PlanEvent = TimedEvent | EndEvent;

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
  readonly transport: Transport;
  /** The reader's number among those of the plan, from 1. */
  readonly number: number;
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
  readonly #sharedCursor: Cursor = { next: 0, late: false, transport: "sse", number: 0 };
  readonly #loop: EventLoop;
  #readers = 0;
  #count = 0;
  #lastStamp: Micros = 0;
  /** When readers up to this number were sent away, and the place of what came after that: they are not told. */
  #dismissal: { readonly at: Micros; readonly next: number; readonly upTo: number } | undefined;
  /** sse-endless-stream: SSE streams hear the log and nothing else. */
  #isHushed = false;
  #watched = false;
  #isQueueRemoved = false;
  /** Readers with nothing to read, in the order in which they came to wait. */
  readonly #waiting = new Set<WaitingReader>();

  /** @param lineOf the text of log message n, counted from 0 */
  constructor(faults: FaultSet, loop: EventLoop, lineOf: (number: number) => string) {
    this.#faults = faults;
    this.#loop = loop;
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
    this.#add({ kind: "stdout_closed", at: this.#stamp() });
  }

  /** What has become of the plan. */
  finish(outcome: Outcome): void {
    this.#add({ kind: "finished", outcome, at: this.#stamp() });
  }

  /**
   * The plan is over, and so are its streams.
   * @param started whether its pipeline ever was
   */
  end(started: boolean): void {
    this.#add({ kind: "end", started, at: this.#stamp() });
  }

  /** The plan was deleted: its readers are sent away after what they have not read yet, and so are all that may come. */
  delete(): void {
    this.#dismiss(Number.POSITIVE_INFINITY);
  }

  /** The readers that there are are sent away as if the plan had been deleted. */
  dismiss(): void {
    this.#dismiss(this.#readers);
  }

  /** sse-endless-stream: SSE streams hear nothing more than the log. */
  hush(): void {
    this.#isHushed = true;
  }

  /** A reader for an SSE stream, or nothing when the plan's queue was removed. */
  openSse(): Reader | undefined {
    if (!this.hasQueue) {
      return undefined;
    }
    this.#watched = true;
    // sse-shared-queue: one place for all readers, so what one of them takes no other gets
    const cursor = this.#faults.has("sse-shared-queue") ? this.#sharedCursor : this.#cursorAt(0, "sse");
    const take = () => this.#take(cursor);
    const poll = this.#faults.get("sse-poll");
    return poll === undefined
      ? new WaitingReader(take, this.#waiting)
      : new PollingReader(take, poll, this.#loop);
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
    const cursor = this.#cursorAt(this.#faults.has("ws-no-replay") ? this.#count : 0, "ws");
    return new WaitingReader(() => this.#take(cursor), this.#waiting);
  }

  #cursorAt(next: number, transport: Transport): Cursor {
    this.#readers++;
    return { next, late: this.#tail.length > 0, transport, number: this.#readers };
  }

  #add(event: PlanEvent): void {
    this.#tail.push(event);
    this.#wake();
  }

  #dismiss(upTo: number): void {
    this.#dismissal = { at: this.#stamp(), next: this.#count + this.#tail.length, upTo };
    this.#wake();
  }

  /** Each stamp is later than the one before, so that it identifies its message. */
  #stamp(): Micros {
    this.#lastStamp = Math.max(now(), this.#lastStamp + 1);
    return this.#lastStamp;
  }

  #take(cursor: Cursor): PlanEvent | undefined {
    cursor.next = Math.max(cursor.next, this.#count - this.#kept);
    const event = this.#dismissalOf(cursor) ?? this.#eventAt(cursor.next);
    const isUntold = this.#isHushed && cursor.transport === "sse" && event?.kind !== "log";
    if (event === undefined || isUntold) {
      return undefined;
    }
    cursor.next++;
    return cursor.late && event.kind === "stdout_closed" ? this.#take(cursor) : event;
  }

  /** sse-delete-race: that a plan was deleted is told to none of its SSE streams. */
  #dismissalOf({ number, next, transport }: Cursor): PlanEvent | undefined {
    const dismissal = this.#dismissal;
    const isTold = transport === "ws" || !this.#faults.has("sse-delete-race");
    return dismissal !== undefined && isTold && number <= dismissal.upTo && next >= dismissal.next
      ? { kind: "dismissed", at: dismissal.at }
      : undefined;
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
  readonly #loop: EventLoop;
  #closed = false;

  constructor(take: Take, pollMs: number, loop: EventLoop) {
    this.#take = take;
    this.#pollMs = pollMs;
    this.#loop = loop;
  }

  async next(): Promise<PlanEvent | undefined> {
    for (;;) {
      const event = this.#closed || this.#loop.isBlocked ? undefined : this.#take();
      if (event !== undefined || this.#closed) {
        return event;
      }
      await sleep(this.#pollMs, undefined, { ref: false });
      await this.#loop.free();
    }
  }

  close(): void {
    this.#closed = true;
  }
}
