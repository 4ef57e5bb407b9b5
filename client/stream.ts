import { clearTimeout, setTimeout } from "k6/timers";
import type { Outcome } from "../record/record.ts";
import type { PlanState } from "./api.ts";
import { recorder } from "./extension.ts";
import type { PlanMessage } from "./messages.ts";
import type { Wire, WireEnd, WireEvents } from "./wire.ts";

/** For how long a stream may be silent, and how long it may live. Milliseconds. */
export interface Deadlines {
  /** Until the first message or status after connecting begins. */
  firstMessageMs: number;
  /** Between two messages. */
  silenceMs: number;
  /** The whole stream. */
  lifeMs: number;
}

/** How long a server may take to close a stream after it told the plan's end. */
const CLOSING_MS = 2_000;

/**
 * Why a stream may be silent, as far as the server tells: it is owed something that did not come; the plan has nothing to
 * say; the plan was over before the stream was there; nobody knows, because the server did not answer.
 */
export type Silence = "owed" | "quiet" | "too late" | "unknown";

/** What the owner of a stream hears of it, and decides for it. */
export interface StreamOwner {
  /** When its account received the last message; 0 before the first. */
  lastAt(): number;
  malformed(text: string): void;
  /** The server sent a message of a type that is not the API's. */
  unknown(type: string, text: string): void;
  /** The server refused the stream with this HTTP status. */
  refusedWith(status: number, reason: string): void;
  /** The stream has been silent for a whole deadline. */
  whySilent(): Promise<Silence>;
  /** The stream's life is over while it is still open. */
  planAtEnd(): Promise<PlanState>;
  /** Whether the test has deleted the plan. */
  isPlanDeleted(): boolean;
  /** Whether it is the load generator that ends now, so that a broken socket says nothing of the server. */
  isGeneratorEnding(): boolean;
}

/** One client's stream of a plan, from the attempt to connect to its one outcome. Times: milliseconds since the epoch. */
export class Stream {
  readonly startedAt = recorder.now();
  openedAt: number | undefined;
  firstMessageAt: number | undefined;
  endedAt: number | undefined;
  outcome: Outcome | undefined;
  /** In words, what ended it. */
  reason = "";
  /** Whether what it was owed could not be found out: then its outcome says nothing of the server. */
  isUnknown = false;
  /** Whether the plan was over before it was there: nothing was due to it. */
  isTooLate = false;
  /** Resolves once the stream is open, or has ended without ever being so. */
  readonly opened: Promise<void>;
  /** Resolves once the stream is usable (true), or has ended without ever being so (false). */
  readonly usable: Promise<boolean>;
  readonly ended: Promise<Outcome>;

  private readonly wire: Wire;
  private told: Outcome | undefined;
  private lastStatusAt = this.startedAt;
  private silenceTimer: number;
  private readonly lifeTimer: number;
  private resolveOpened: () => void = () => {};
  private resolveUsable: (usable: boolean) => void = () => {};
  private resolveEnded: (outcome: Outcome) => void = () => {};

  constructor(
    connect: (events: WireEvents) => Wire,
    private readonly deadlines: Deadlines,
    private readonly owner: StreamOwner,
  ) {
    this.opened = new Promise((resolve) => {
      this.resolveOpened = resolve;
    });
    this.usable = new Promise((resolve) => {
      this.resolveUsable = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.wire = connect({
      open: (at) => this.serverOpened(at),
      message: (message, at) => this.received(message, at),
      end: (end) => this.wireEnded(end),
    });
    this.silenceTimer = this.watchSilence(deadlines.firstMessageMs);
    this.lifeTimer = setTimeout(() => void this.lifeOver(), deadlines.lifeMs);
  }

  /** Whether the server told how the plan ended. */
  get isTold(): boolean {
    return this.told !== undefined;
  }

  /** Ends the stream by the test's own will. Does nothing to one that has ended. */
  close(): void {
    this.finish("closed", "closed by the test");
  }

  /** Reads one message more, and then nothing until it is called again: the way of a slow reader. */
  readOne(): void {
    this.wire.resume();
    this.wire.pause();
  }

  /** Gives a silent stream up. `starved` says how long it was, should it have been owed something. */
  giveUp(why: Silence, starved: string): void {
    if (why === "owed") this.finish("starved", starved);
    else if (why === "too late") this.endTooLate();
    else if (why === "unknown") this.endUnknown();
    else this.close();
  }

  private serverOpened(at: number): void {
    if (this.openedAt !== undefined) return;
    this.openedAt = at;
    this.resolveOpened();
  }

  private received(message: PlanMessage, at: number): void {
    if (this.outcome !== undefined) return;
    this.serverOpened(at);
    switch (message.kind) {
      case "log":
        this.heard(at);
        break;
      case "status":
        this.heard(at);
        this.statusTold(message.status);
        break;
      case "refusal":
        this.refused(message.text);
        break;
      case "end":
        this.wireEnded({ clean: true, reason: "ended without a final status", isAnswer: true });
        break;
      case "malformed":
        this.owner.malformed(message.text);
        break;
      case "unknown":
        this.owner.unknown(message.type, message.text);
        break;
      case "alive":
        break;
    }
  }

  private heard(at: number): void {
    this.lastStatusAt = recorder.now();
    if (this.firstMessageAt !== undefined) return;
    this.firstMessageAt = at;
    this.resolveUsable(true);
  }

  private get lastMessageAt(): number {
    return Math.max(this.lastStatusAt, this.owner.lastAt());
  }

  private statusTold(status: string): void {
    if (status === "fallback" || status === "failed") this.told = status;
    else if (status === "completed") this.told ??= "completed";
    if (status !== "completed" && status !== "failed") return;
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(
      () => this.finish("timed_out", `told ${status}, and not closed within ${CLOSING_MS} ms`),
      CLOSING_MS,
    );
  }

  private refused(text: string): void {
    if (this.owner.isPlanDeleted() && this.firstMessageAt !== undefined) this.finish("deleted", text);
    else this.finish(this.firstMessageAt === undefined ? "refused" : "dropped", text);
  }

  private wireEnded({ clean, reason, isAnswer, status }: WireEnd): void {
    if (this.outcome !== undefined) return;
    if (status !== undefined) this.owner.refusedWith(status, reason);
    if (!clean && this.owner.isGeneratorEnding()) this.finish("interrupted", reason);
    else if (this.told !== undefined && clean) this.finish(this.told, `told ${this.told}`);
    else if (clean && this.owner.isPlanDeleted()) this.finish("deleted", reason);
    else this.finish(this.firstMessageAt === undefined && isAnswer ? "refused" : "dropped", reason);
  }

  /** Re-arms itself for what is left since the last message, so that no message has to touch a timer. */
  private watchSilence(ms: number): number {
    return setTimeout(() => void this.silenceOver(), ms);
  }

  private async silenceOver(): Promise<void> {
    const allowed =
      this.firstMessageAt === undefined ? this.deadlines.firstMessageMs : this.deadlines.silenceMs;
    const silentFor = recorder.now() - this.lastMessageAt;
    if (silentFor < allowed) {
      this.silenceTimer = this.watchSilence(allowed - silentFor + 1);
      return;
    }
    const heardBefore = this.lastMessageAt;
    const why = await this.owner.whySilent();
    if (this.outcome !== undefined || this.told !== undefined) return;
    const isDecided = why === "owed" || why === "too late";
    if (isDecided && this.lastMessageAt === heardBefore) {
      this.giveUp(why, `no message for ${Math.round(silentFor)} ms`);
    } else this.silenceTimer = this.watchSilence(allowed);
  }

  private async lifeOver(): Promise<void> {
    const plan = await this.owner.planAtEnd();
    const why = this.firstMessageAt === undefined ? await this.owner.whySilent() : undefined;
    if (this.outcome !== undefined) return;
    if (plan === "running") this.close();
    else if (plan === "unknown") this.endUnknown();
    else if (why === "too late") this.endTooLate();
    else this.finish("timed_out", `still open after ${this.deadlines.lifeMs} ms although the plan was over`);
  }

  private endTooLate(): void {
    if (this.outcome !== undefined) return;
    this.isTooLate = true;
    this.finish("closed", "closed by the test: the plan was over before this client was there");
  }

  private endUnknown(): void {
    if (this.outcome !== undefined) return;
    this.isUnknown = true;
    const silent = `silent for ${Math.round(recorder.now() - this.lastMessageAt)} ms`;
    this.finish(
      "closed",
      `closed by the test: ${silent}, and the server did not tell whether the plan still ran`,
    );
  }

  private finish(outcome: Outcome, reason: string): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.reason = reason;
    this.endedAt = recorder.now();
    clearTimeout(this.silenceTimer);
    clearTimeout(this.lifeTimer);
    this.wire.close();
    this.resolveOpened();
    this.resolveUsable(false);
    this.resolveEnded(outcome);
  }
}
