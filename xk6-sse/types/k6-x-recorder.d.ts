/**
 * Process-wide store of a k6 run. k6 gives `handleSummary` nothing but metrics and its virtual users share no
 * memory; the recorder is what they share. Everything that crosses the boundary is a string of JSON, so that no
 * JavaScript object is ever shared between two runtimes.
 */
declare module "k6/x/recorder" {
  /** Milliseconds since the epoch, with fractions of a millisecond, on the clock that stamps stream events. */
  export function now(): number;

  /**
   * The id of this run, made once per process: `<YYYYMMDDTHHMMSSZ>-<label>-<4 hex digits>` (UTC). The first call
   * decides; later calls return the same id whatever their label.
   */
  export function runId(label: string): string;

  /**
   * Which part of a run that several processes share this one has (k6's `--execution-segment`), as JSON:
   * `{"number":2,"of":4}`; a whole run is 1 of 1. Throws where the segment cannot be used.
   */
  export function instance(): string;

  /** This process as no other is, as JSON: see `processSchema` in record/record.ts; `null` where the system does not tell. */
  export function self(): string;

  /** How many of `users` virtual users k6 gives to this process. */
  export function share(users: number): number;

  /**
   * Makes `directory` (with parents) and writes `run.json` into it.
   * Throws when the directory cannot be made or written, or already holds a `run.json`.
   */
  export function begin(directory: string, document: string): void;

  /** Writes `directory/name` whole: temporary file, fsync, rename. Throws when it cannot. */
  export function save(directory: string, name: string, content: string): void;

  /** Registers a stream that opens (or tries to); returns its handle. `entry` is a JSON object. */
  export function openStream(entry: string): number;

  /**
   * Takes the report of a stream that ended, in place of what `openStream` registered. `weight` says how much the
   * stream is worth keeping when there are more than the store holds: the greatest are kept, the rest sampled.
   * A second call for one handle is ignored.
   */
  export function closeStream(handle: number, report: string, weight: number): void;

  /** Adds `entry` (JSON) to the list `kind`; bounded like the streams. `weight` defaults to 0. */
  export function add(kind: string, entry: string, weight?: number): void;

  /** Adds `delta`, a tally `{"counts":{name:n},"latency":{bucket:n}}`, to the tally `key`. */
  export function tally(key: string, delta: string): void;

  /** The count `name` of the tally `key`; 0 where there is none. */
  export function count(key: string, name: string): number;

  /** What was added to the tally `key` since it was last taken, as the JSON of a tally. The tally keeps it. */
  export function take(key: string): string;

  /** Adds `delta` (a tally) to the window of the second of `at` (ms since the epoch) in the series `key`. */
  export function window(key: string, at: number, delta: string): void;

  /** Everything stored, as JSON: see `Snapshot` in run/record.ts for the shape. */
  export function snapshot(): string;

  /** Accounts for the messages of one plan: see client/ledger.ts. Times are milliseconds since the epoch. */
  export interface Ledger {
    /** Opens the account of a stream; `gapFrom` is when the client's stream before ended, 0 where there was none. */
    join(gapFrom: number): Account;
    settle(): void;
  }

  /**
   * Whether JSON nests more than 1,000 deep. The parser of k6 recurses, and a stack without end ends the process: what a
   * server sends is asked first.
   */
  export function isTooDeep(json: string): boolean;

  /** What one stream received. It is a `Sink` of k6/x/sse. */
  export interface Account {
    /**
     * Takes what the stream said. False where something is left to be told of it: it is no message of the plan, or the
     * first one.
     */
    take(text: string, at: number): boolean;
    /** When the last message was received; 0 before the first. */
    lastAt(): number;
    leave(at: number, byClient: boolean): void;
    missedByLog(messages: number): void;
    /**
     * The stream's events have the names of the API. What comes under another is counted (`counts.renamed`) and read all the
     * same: what is not taken of it comes to the script as a `message`.
     */
    expectNames(): void;
    /** As JSON: `{counts, latency, firstStamp, lastStamp, otherName}`. */
    figures(): string;
  }

  /** A ledger for a plan of a server whose clock is `clockOffsetMs` ahead of this machine's. */
  export function ledger(clockOffsetMs: number): Ledger;

  /**
   * Adds what came to a ledger since the last call to the tally and the windows of `key`, and how long it waited between
   * socket and account to the tally of `delayKey`.
   */
  export function takeLedger(ledger: Ledger, key: string, delayKey: string): void;

  /** Adds by how much this process's timers came late since the last call to the tally of `key`. */
  export function takeLag(key: string): void;

  /** The version of this k6, e.g. "v2.2.0". */
  export function k6Version(): string;

  /** The command line of this process. */
  export function command(): string;

  /** The resident memory of this process in bytes; 0 where the system does not tell. */
  export function residentBytes(): number;

  /**
   * What this process may take of its machine, and whether results can be written where `directory` is or will be made,
   * as JSON: `{"openFiles":n,"ports":n,"hasOwnAddresses":false,"memoryBytes":n,"diskBytes":n,"unwritable":""}`. What the
   * system does not tell is null; `unwritable` says why not. All as it was at the first call of this process.
   */
  export function limits(directory: string): string;

  /**
   * Opens a gate, for all virtual users of the process. `word` is what they are told who pass; the first one stands.
   */
  export function openGate(name: string, word: string): void;

  /** Resolves once the gate is open, to its word; to `""` where the iteration ends before. */
  export function passGate(name: string): Promise<string>;

  /**
   * Resolves to true once one of `atOnce` turns at the gate is taken, in the order of asking; to false where the iteration
   * ends before. The first call says how many turns there are.
   */
  export function takeTurn(gate: string, atOnce: number): Promise<boolean>;

  /** Gives a turn back that was taken. */
  export function endTurn(gate: string): void;

  /**
   * The process that listens on a TCP port of this machine, and what it and its children take together, as JSON:
   * `{"pid":n,"program":"node","figures":{"residentBytes":n,"cpuSeconds":n,"threads":n,"openFiles":n|null}}`.
   * `openFiles` is null where a process of another user does not tell. Resolves to `"null"` where no process can be
   * seen: none listens, it is another user's, or the system is no Linux.
   */
  export function listener(port: number): Promise<string>;

  /**
   * From here on the sockets of WebSockets that this virtual user opens are remembered, and closed one second after the
   * iteration ended or was interrupted. To be called at the beginning of every iteration.
   */
  export function guardConnections(): void;

  /**
   * From here on no request of k6/http that this virtual user makes reads more than 32 MiB of an answer: it fails instead.
   * Streams have no such end.
   */
  export function boundAnswers(): void;

  /** Closes the remembered sockets that are still open, whatever their peers do. */
  export function closeConnections(): void;

  /** Whether this process was sent SIGINT or SIGTERM. */
  export function signalled(): boolean;
}
