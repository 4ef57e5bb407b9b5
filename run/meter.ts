import { clearInterval, setInterval } from "k6/timers";
import type { Answer } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import type { Ledger } from "../client/ledger.ts";
import { addTo, type SparseHistogram } from "../record/histogram.ts";
import type {
  FailedRequest,
  FallbackReport,
  Finding,
  PlanReport,
  RateReport,
  ServerSample,
  SlowRequest,
  Stall,
  StepReport,
  StreamReport,
  UnknownMessage,
} from "../record/record.ts";
import { STALL_MS } from "../thresholds/targets.ts";
import { sample } from "./metrics.ts";
import { CALL_PREFIX, TIMINGS, type Timing, TYPE_PREFIX, timingKey } from "./tallies.ts";

const FLUSH_MS = 1_000;
const HEALTH_CALL = "GET /health";
/** A server may name as many types as it likes: beyond these they are counted together. */
const MOST_TYPES = 10;
const OTHER_TYPES = "others";

interface Lists {
  plans: PlanReport;
  failedRequests: FailedRequest;
  findings: Finding;
  stalls: Omit<Stall, "waiting" | "silent">;
  slowRequests: SlowRequest;
  unknownMessages: UnknownMessage;
  samples: ServerSample;
  rates: RateReport;
  steps: StepReport;
  fallbacks: FallbackReport;
}

/**
 * Gathers a virtual user's figures, those of its ledgers above all, and hands them to the recorder once a second, as
 * tallies and windows. Per message nothing is sent.
 */
export class Meter {
  private counts: Record<string, number> = {};
  private readonly ledgers = new Set<Ledger>();
  private readonly unknownTypes = new Set<string>();
  private timings: Partial<Record<Timing, SparseHistogram>> = {};
  private readonly ticker: number;

  constructor(readonly test: string) {
    this.ticker = setInterval(() => this.flush(), FLUSH_MS);
  }

  count(name: string, n = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + n;
  }

  /** Counts what the ledger takes in from now on, until it is no longer watched. */
  watch(ledger: Ledger): void {
    this.ledgers.add(ledger);
  }

  /** Takes what is left of a ledger that was watched. */
  unwatch(ledger: Ledger): void {
    if (this.ledgers.delete(ledger)) this.flushLedger(ledger);
  }

  private flushLedger(ledger: Ledger): void {
    ledger.flush(this.test, timingKey(this.test, "queue-delay"));
  }

  /** Takes by how much this process came late since the last call. */
  takeLag(): void {
    recorder.takeLag(timingKey(this.test, "generator-lag"));
  }

  /** Adds a duration in milliseconds to a distribution of the test. */
  time(timing: Timing, ms: number): void {
    const histogram = this.timings[timing] ?? {};
    this.timings[timing] = histogram;
    addTo(histogram, ms);
  }

  add<Kind extends keyof Lists>(kind: Kind, entry: Omit<Lists[Kind], "test">, weight = 0): void {
    recorder.add(kind, JSON.stringify({ test: this.test, ...entry }), weight);
  }

  /** Counts an answer of the API, and keeps what failed. To be given to the PlanApi as its observer. */
  readonly answer = ({ call, at, status, durationMs, body, text }: Answer<unknown>): void => {
    this.count("requests");
    this.count(`${CALL_PREFIX}${call} ${status === 200 && body === undefined ? "malformed" : status}`);
    if (status >= 500) this.count("serverErrors");
    if (status === 0) this.count("unanswered");
    if (status === 0 || status >= 500) {
      this.add("failedRequests", { at, call, status, durationMs, answer: text }, status);
    }
    if (durationMs > STALL_MS && call !== HEALTH_CALL)
      this.add("slowRequests", { at, durationMs }, durationMs);
  };

  /** Takes a message of a type that the API does not have. Of the first of each type the text is kept, as an example. */
  unknownMessage(type: string, text: string): void {
    const isNew = !this.unknownTypes.has(type);
    const name = isNew && this.unknownTypes.size >= MOST_TYPES ? OTHER_TYPES : type;
    this.count(`${TYPE_PREFIX}${name}`);
    if (!isNew || name !== type) return;
    this.unknownTypes.add(type);
    this.add("unknownMessages", { type, text });
  }

  /** Takes the refusal of a stream by an HTTP status; a 5xx is a server error like any other. */
  streamRefused(call: string, status: number, reason: string): void {
    if (status < 500) return;
    this.count("serverErrors");
    this.add("failedRequests", { at: recorder.now(), call, status, durationMs: 0, answer: reason }, status);
  }

  /**
   * Counts something that had to be so, and was or was not, among the outcomes of the test's streams; `undefined` where the
   * server did not tell.
   */
  expect(isMet: boolean | undefined, otherwise: string): void {
    if (isMet === undefined) {
      this.count("outcomesUnknown");
      this.add("findings", { text: otherwise });
      return;
    }
    this.count("ended");
    this.count("acceptable", isMet ? 1 : 0);
    sample("clean-outcomes", isMet ? 1 : 0);
    if (!isMet) this.add("findings", { text: otherwise });
  }

  openStream(plan: string, client: string, startedAt: number): number {
    this.count("streamsOpened");
    return recorder.openStream(JSON.stringify({ test: this.test, plan, client, startedAt }));
  }

  closeStream(handle: number, report: Omit<StreamReport, "test">, weight: number): void {
    recorder.closeStream(handle, JSON.stringify({ test: this.test, ...report }), weight);
  }

  /** Hands on what is left, and stops. */
  stop(): void {
    clearInterval(this.ticker);
    this.flush();
  }

  private flush(): void {
    for (const ledger of this.ledgers) this.flushLedger(ledger);
    if (Object.keys(this.counts).length > 0) {
      const delta = JSON.stringify({ counts: this.counts });
      recorder.tally(this.test, delta);
      recorder.window(this.test, recorder.now(), delta);
    }
    for (const timing of TIMINGS) {
      const latency = this.timings[timing];
      if (latency !== undefined) recorder.tally(timingKey(this.test, timing), JSON.stringify({ latency }));
    }
    this.counts = {};
    this.timings = {};
  }
}
