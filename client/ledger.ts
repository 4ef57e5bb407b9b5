import * as v from "valibot";
import { sparseHistogram } from "../record/record.ts";
import { recorder } from "./extension.ts";

type NativeLedger = ReturnType<typeof recorder.ledger>;

export const COUNT_NAMES = [
  "received", // messages received, of any kind below
  "due", // messages of the plan stamped while the stream was open
  "delivered", // of those due, received
  "beforeOpen", // received, stamped before the stream was open: replays, and what had waited
  "duplicates", // received a second time on the same stream
  "reordered", // received after one with a later stamp
  "unstamped", // without a believable timestamp (none, unreadable, more than a minute ahead): received, and not judged
  "negative", // received more than 2 ms before their stamp: the clocks disagree
  "gapMessages", // stamped while the client was away
  "gapLost", // of those, never received
  "renamed", // SSE events under another name than those of the API: read by their content
] as const;
export type CountName = (typeof COUNT_NAMES)[number];

const figuresSchema = v.object({
  counts: v.object(v.entriesFromList(COUNT_NAMES, v.number())),
  latency: sparseHistogram,
  /** The first and the last stamp of what was received, in milliseconds since the epoch; null before the first. */
  firstStamp: v.nullable(v.number()),
  lastStamp: v.nullable(v.number()),
  /** The name of the first SSE event that had another than those of the API, "message" if none; null without such. */
  otherName: v.nullable(v.string()),
});
/** What one stream of a plan has received, and what it should have. */
export type Figures = v.InferOutput<typeof figuresSchema>;

/**
 * Accounts for the messages of one plan over all of its streams: what each received, against what was there to receive,
 * which is the union over them. A message is known by its timestamp and text. The work of each message is done in our
 * extension (xk6-sse/ledger), off the goroutine that reads the socket: it costs a fraction of what it would here, and
 * waits for no script.
 */
export class Ledger {
  private readonly native: NativeLedger;

  /** @param clockOffsetMs what the server's clock is ahead of this machine's */
  constructor(clockOffsetMs: number) {
    this.native = recorder.ledger(clockOffsetMs);
  }

  /** Opens the account of a stream. `gapFrom` is when the same client's stream before ended. */
  join(gapFrom = 0): Account {
    return new Account(this.native.join(gapFrom));
  }

  /** Settles every message that is still known, and what only the plan's log shows of the gaps. */
  settle(): void {
    this.native.settle();
  }

  /**
   * Adds what came since the last call to the recorder's tally and windows of `key`, and how long it waited between
   * socket and account to the tally of `delayKey`.
   */
  flush(key: string, delayKey: string): void {
    recorder.takeLedger(this.native, key, delayKey);
  }
}

/** The account of one stream. */
export class Account {
  /** @param sink where the stream hands what it receives */
  constructor(readonly sink: ReturnType<NativeLedger["join"]>) {}

  get figures(): Figures {
    return v.parse(figuresSchema, JSON.parse(this.sink.figures()));
  }

  /** When the last message was received; 0 before the first. */
  get lastAt(): number {
    return this.sink.lastAt();
  }

  /** Ends the account. `byClient`: the client left of its own will, so what was on its way then is not due. */
  leave(at: number, byClient: boolean): void {
    this.sink.leave(at, byClient);
  }

  /** How many messages the plan's own log gained within the gap: a lower bound of what the union shows. */
  missedByLog(messages: number): void {
    this.sink.missedByLog(messages);
  }
}
