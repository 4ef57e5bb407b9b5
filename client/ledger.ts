import { Histogram } from "../record/histogram.ts";
import { parseStamp } from "./stamp.ts";

/** How long a message stays known after newer ones came: long enough for every reconnect and replay. */
const HORIZON_MS = 60_000;
/** A message stamped less than this before a client left may still have been on its way: neither due nor lost. */
const IN_FLIGHT_MS = 1_000;
/** A latency below this is no rounding: the clocks disagree. */
const NEGATIVE_MS = -2;

/** What one stream of a plan has received, and what it should have. */
export interface Account {
  readonly id: number;
  /** From when on messages are due; Infinity until the stream is open. */
  openedAt: number;
  /** Until when messages are due; Infinity while the stream is open. */
  dueUntil: number;
  /** The end of the client's stream before this one, where it returned. */
  gapFrom: number;
  /** How many messages the plan's own log gained within the gap: a lower bound of what the union shows. */
  gapByLog: number;
  firstStamp: number;
  lastStamp: number;
  counts: Record<CountName, number>;
  latency: Histogram;
}

export const COUNT_NAMES = [
  "received", // messages received, of any kind below
  "due", // messages of the plan stamped while the stream was open
  "delivered", // of those due, received
  "beforeOpen", // received, stamped before the stream was open: replays, and what had waited
  "duplicates", // received a second time on the same stream
  "reordered", // received after one with a later stamp
  "unstamped", // without a readable timestamp: received, and not judged
  "negative", // received more than 2 ms before their stamp: the clocks disagree
  "gapMessages", // stamped while the client was away
  "gapLost", // of those, never received
] as const;
export type CountName = (typeof COUNT_NAMES)[number];

interface Entry {
  stamp: number;
  seenBy: number[];
}

const zeroCounts = (): Record<CountName, number> =>
  Object.fromEntries(COUNT_NAMES.map((name) => [name, 0])) as Record<CountName, number>;

/**
 * Accounts for the messages of one plan over all of its streams: what each received, against what was there to
 * receive, which is the union over them. A message is known by its timestamp and text. Memory is bounded: messages
 * older than the horizon are settled (counted as due, delivered or lost) and forgotten.
 */
export class Ledger {
  private readonly entries = new Map<string, Entry>();
  private accounts: Account[] = [];
  private newest = 0;
  private nextId = 0;

  /** @param clockOffsetMs what the server's clock is ahead of this machine's */
  constructor(private readonly clockOffsetMs: number) {}

  /** Opens the account of a stream. `gapFrom` is when the same client's stream before ended. */
  join(gapFrom = Number.POSITIVE_INFINITY): Account {
    const account: Account = {
      id: this.nextId++,
      openedAt: Number.POSITIVE_INFINITY,
      dueUntil: Number.POSITIVE_INFINITY,
      gapFrom,
      gapByLog: 0,
      firstStamp: Number.POSITIVE_INFINITY,
      lastStamp: 0,
      counts: zeroCounts(),
      latency: new Histogram(),
    };
    this.accounts.push(account);
    return account;
  }

  /** Takes a message that `account` received at `at`. Returns its latency in ms where it counts for latency. */
  receive(account: Account, rawStamp: string, text: string, at: number): number | undefined {
    const { counts } = account;
    counts.received++;
    const parsed = parseStamp(rawStamp);
    if (parsed === undefined) {
      counts.unstamped++;
      return undefined;
    }
    const stamp = parsed - this.clockOffsetMs;
    if (stamp < account.firstStamp) account.firstStamp = stamp;
    if (stamp < account.lastStamp) counts.reordered++;
    else account.lastStamp = stamp;
    if (!this.isNew(`${rawStamp}\n${text}`, stamp, account.id)) {
      counts.duplicates++;
      return undefined;
    }
    if (stamp <= account.openedAt) {
      counts.beforeOpen++;
      return undefined;
    }
    const latency = at - stamp;
    if (latency < NEGATIVE_MS) counts.negative++;
    account.latency.add(latency);
    return latency;
  }

  /** Ends an account. `byClient`: the client left of its own will, so what was on its way then is not due. */
  leave(account: Account, at: number, byClient: boolean): void {
    account.dueUntil = byClient ? at - IN_FLIGHT_MS : at;
  }

  /** Settles every message that is still known, and what only the plan's log shows of the gaps. */
  settle(): void {
    for (const entry of this.entries.values()) this.settleEntry(entry);
    this.entries.clear();
    for (const { counts, gapByLog } of this.accounts) {
      const unknown = Math.max(0, gapByLog - counts.gapMessages);
      counts.gapMessages += unknown;
      counts.gapLost += unknown;
    }
  }

  private isNew(key: string, stamp: number, id: number): boolean {
    const known = this.entries.get(key);
    if (known !== undefined) {
      if (known.seenBy.includes(id)) return false;
      known.seenBy.push(id);
      return true;
    }
    this.entries.set(key, { stamp, seenBy: [id] });
    if (stamp > this.newest) {
      this.newest = stamp;
      this.forgetOld();
    }
    return true;
  }

  /** Entries stand in the order in which they became known, which is close to that of their stamps. */
  private forgetOld(): void {
    const oldest = this.newest - HORIZON_MS;
    for (const [key, entry] of this.entries) {
      if (entry.stamp >= oldest) break;
      this.settleEntry(entry);
      this.entries.delete(key);
    }
  }

  private settleEntry({ stamp, seenBy }: Entry): void {
    for (const account of this.accounts) {
      const seen = seenBy.includes(account.id);
      if (stamp > account.openedAt && stamp <= account.dueUntil) {
        account.counts.due++;
        if (seen) account.counts.delivered++;
      } else if (stamp > account.gapFrom && stamp <= account.openedAt) {
        account.counts.gapMessages++;
        if (!seen) account.counts.gapLost++;
      }
    }
  }
}
