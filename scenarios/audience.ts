import { logLines, type PlanState, planState } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import { type Account, COUNT_NAMES, type Figures, Ledger } from "../client/ledger.ts";
import { type Deadlines, type Silence, Stream } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { mergeInto, quantile, type SparseHistogram } from "../record/histogram.ts";
import { streamWeight } from "../record/join.ts";
import { NOT_CREATED, type Outcome } from "../record/record.ts";
import { deletePlan } from "../run/cleanup.ts";
import type { Shape, UserContext } from "../run/loadtest.ts";
import { sample } from "../run/metrics.ts";
import { OUTCOME_PREFIX } from "../run/tallies.ts";
import { askForFallback } from "./fallback.ts";
import { createPlan, type Stub } from "./plans.ts";

/** A client with its stream of the plan. One that returns after a break is a client of its own, with the same name. */
export interface Client {
  name: string;
  stream: Stream;
  account: Account;
  handle: number;
  /** The plan's own log when the stream had opened (undefined: not to be had), and what the client had received then. */
  baseline?: { lines: number | undefined; received: number };
  /** How the plan stood when the stream had opened. */
  planAtStart: PlanState;
  /** Messages that the plan's log shows to be lost to this client, whoever else received them. */
  lostByLog: number;
  /** The stream was silent, and the plan's log, which would tell what it lacks, was not to be had. */
  isLossUnknown: boolean;
  /** What its account came to in the end. */
  figures?: Figures;
}

export interface AudienceOptions {
  deadlines: Deadlines;
  /** The outcomes with which a stream of this test may end. */
  acceptable: readonly Outcome[];
  /**
   * The plan has nothing to say: there is no such plan, or no more, or it is idle. Its streams are no attempts to
   * connect, nothing is due to them, and its log is not asked for.
   */
  expectsNothing?: boolean;
  /** The plan stays on the server: what is left of a test is deleted after it. */
  keepsPlan?: boolean;
}

/** What became of the request for a plan; `not asked`: the test's time was over. */
export type Creation = "created" | "refused" | "unknown" | "not asked";

/**
 * Creates a plan, lets `scene` put clients before it, waits until all of their streams have ended, and deletes it, unless
 * it is to be kept. Where no plan can be created nobody attempts to watch it: that is a check that is not met, or not
 * answered, and no stream that failed.
 */
export async function withAudience<Numbers extends Shape>(
  context: UserContext<Numbers>,
  stub: Stub,
  options: AudienceOptions,
  scene: (audience: Audience<Numbers>) => Promise<void>,
): Promise<Creation> {
  const { body: plan, status, text, isAsked } = await createPlan(context, stub);
  if (plan === undefined && isAsked) return notCreated(context, status, text);
  if (plan === undefined) {
    context.meter.count("notMade");
    return "not asked";
  }
  const audience = new Audience(context, plan.plan_id, options);
  await scene(audience);
  await audience.finish();
  if (!audience.isPlanDeleted && !options.keepsPlan) await deletePlan(context.api, plan.plan_id);
  return "created";
}

function notCreated<Numbers extends Shape>(
  { meter }: UserContext<Numbers>,
  status: number,
  text: string,
): Creation {
  if (status === 0) {
    meter.expect(
      undefined,
      `whether a plan was created is not known: POST /api/plans was not answered (${text})`,
    );
    return "unknown";
  }
  meter.expect(false, `a plan could not be created: ${status} ${text}`);
  meter.add("plans", { plan: NOT_CREATED, counts: { ended: 1, acceptable: 0 }, latency: {} });
  return "refused";
}

const POLL_END_MS = 200;
/** What one client has had for so long, another should have as well. */
const ON_ITS_WAY_MS = 1_000;
const LOG_MISSING =
  "a plan's own log was not to be had (GET /api/plans/{id}/details): messages that no client received are not known";
const TOO_LATE = "plans were over before their clients were there: nothing was due to those";
const STREAM_CALL = "GET /api/plans/{id}/stream";

/** Outcomes after which a plan owes its fallback report. */
const BROKEN_OFF: readonly Outcome[] = ["failed", "fallback", "refused", "dropped", "starved", "timed_out"];

const renamed = (name: string): string =>
  `SSE events came ${name === "message" ? "without a name" : `under the name ${name}`} in place of task_update: read by their content`;

/** What a client's account has received, each message once. */
const distinct = ({ figures: { counts } }: Account): number => counts.received - counts.duplicates;

/** Messages that no client received are in nobody's account: the log adds them to what was due. */
function withLossByLog({ account, lostByLog }: Client): Figures {
  const { counts, ...others } = account.figures;
  const knownLoss = counts.due - counts.delivered;
  return { ...others, counts: { ...counts, due: counts.due + Math.max(0, lostByLog - knownLoss) } };
}

/** A plan's clients: opens their streams, accounts for what each received, and reports when all have ended. */
export class Audience<Numbers extends Shape> {
  readonly clients: Client[] = [];
  private isDeleted = false;
  private isLogMissing = false;
  /** Whether the plan's report was asked for, and delivered; it is asked for once. */
  private fallback: Promise<void> | undefined;
  private inspecting: ReturnType<Audience<Numbers>["inspect"]> | undefined;
  private readonly ledger: Ledger;
  /** What was counted of this plan alone: plans are what runs are compared by. */
  private readonly counts: Record<string, number> = {};

  constructor(
    private readonly context: UserContext<Numbers>,
    readonly planId: string,
    private readonly options: AudienceOptions,
  ) {
    this.ledger = new Ledger(context.clockOffsetMs);
    if (!options.expectsNothing) context.meter.watch(this.ledger);
  }

  /**
   * Opens a stream for each name at once and waits until each is open or has ended. The streams' usability is sampled
   * as connection-success.
   */
  async join(names: readonly string[]): Promise<Client[]> {
    const joined = names.map((name) => this.open(name));
    await Promise.all(joined.map(({ stream }) => stream.opened));
    await this.takeBaseline(joined);
    return joined;
  }

  /** Opens the stream of a client that had left, at once. */
  async rejoin(left: Client): Promise<Client> {
    const client = this.open(left.name, left.stream.endedAt);
    await client.stream.opened;
    await this.takeBaseline([client]);
    return client;
  }

  /** Counts something of this plan. */
  count(name: string, n = 1): void {
    this.context.meter.count(name, n);
    this.counts[name] = (this.counts[name] ?? 0) + n;
  }

  /** Whether the test has deleted the plan. */
  get isPlanDeleted(): boolean {
    return this.isDeleted;
  }

  /** Deletes the plan under its clients. Resolves to the status of the answer. */
  async deletePlan(): Promise<number> {
    this.isDeleted = true;
    const { status } = await this.context.api.delete(this.planId);
    return status;
  }

  /** Has all clients leave that are still there. */
  async leaveAll(): Promise<void> {
    const present = this.clients.filter(({ stream }) => stream.outcome === undefined);
    await Promise.all(present.map((client) => this.leave(client)));
  }

  /**
   * Has a client leave. One that never had a message although the plan's log went on has not left a stream: it was
   * starved of one.
   */
  async leave(client: Client): Promise<void> {
    const isUnheard = client.stream.firstMessageAt === undefined && !this.options.expectsNothing;
    if (isUnheard) client.stream.giveUp(await this.whySilent(client), "no message before the client left");
    else client.stream.close();
  }

  /** The number of lines in the plan's own log; undefined where the server does not tell, which is a finding. */
  async logLines(): Promise<number | undefined> {
    const details = await this.context.api.details(this.planId);
    const lines = logLines(details);
    const isAnswered = details.status > 0 && details.status < 500;
    if (lines === undefined && isAnswered && !this.isDeleted && !this.isLogMissing) {
      this.isLogMissing = true;
      this.context.meter.add("findings", { text: LOG_MISSING });
    }
    return lines;
  }

  /** How the plan stands, as far as the server tells. */
  async state(): Promise<PlanState> {
    return this.options.expectsNothing ? "gone" : planState(await this.context.api.get(this.planId));
  }

  /**
   * Whether the plan is completed, or is by `deadline` (milliseconds since the epoch); undefined where the server does not
   * tell.
   */
  async isCompleted(deadline: number): Promise<boolean | undefined> {
    for (;;) {
      const answer = await this.context.api.get(this.planId);
      const state = planState(answer);
      if (state !== "running" || recorder.now() > deadline) {
        return state === "unknown" ? undefined : answer.body?.status === "completed";
      }
      await sleep(POLL_END_MS);
    }
  }

  /** How the plan stands when the time of a stream is over. Where it still runs its end was not seen, which is told. */
  private async stateAtEnd(): Promise<PlanState> {
    const { state } = this.options.expectsNothing ? { state: "gone" as const } : await this.inspect();
    if (state === "running") {
      const seconds = this.options.deadlines.lifeMs / 1_000;
      this.context.meter.add("findings", {
        text: `plans still ran when the time of their streams was over (${Math.round(seconds)} s): their end was not seen`,
      });
    }
    return state;
  }

  /** Waits for the end of all streams, accounts for their messages, and reports every stream and the plan. */
  async finish(): Promise<void> {
    await Promise.all(this.clients.map(({ stream }) => stream.ended));
    await this.readFinalLog();
    this.ledger.settle();
    this.context.meter.unwatch(this.ledger);
    const latency: SparseHistogram = {};
    for (const client of this.clients) {
      const figures = withLossByLog(client);
      client.figures = figures;
      if (figures.otherName !== null)
        this.context.meter.add("findings", { text: renamed(figures.otherName) });
      if (!this.options.expectsNothing) mergeInto(latency, figures.latency);
      this.report(client, figures);
    }
    await this.askFallback();
    this.context.meter.add("plans", { plan: this.planId, counts: this.counts, latency });
  }

  /** Asks the plan for its report, its run having broken off at `since`. Once: later calls have the first one's answer. */
  askForReport(cause: string, since: number): Promise<void> {
    this.fallback ??= this.takeReport(cause, since);
    return this.fallback;
  }

  private async takeReport(cause: string, since: number): Promise<void> {
    const isDelivered = await askForFallback(this.context, this.planId, cause, since, () => this.state());
    if (isDelivered === undefined) {
      this.count("fallbacksUnknown");
      return;
    }
    this.count("fallbackAsked");
    this.count("fallbackDelivered", isDelivered ? 1 : 0);
  }

  /** A plan whose stream broke off is asked for its fallback report, in every test. */
  private async askFallback(): Promise<void> {
    if (this.options.expectsNothing) return;
    const broken = this.clients.find(
      ({ stream }) => stream.outcome !== undefined && BROKEN_OFF.includes(stream.outcome),
    );
    if (broken === undefined || this.isDeleted) return;
    const cause = `${broken.stream.outcome}: ${broken.stream.reason}`;
    await this.askForReport(cause, broken.stream.endedAt ?? recorder.now());
  }

  private open(name: string, gapFrom?: number): Client {
    const account = this.ledger.join(gapFrom);
    const { meter, connect } = this.context;
    const stream: Stream = new Stream(
      (events) => connect(this.planId, account, events),
      this.options.deadlines,
      {
        lastAt: () => account.lastAt,
        malformed: (text) => meter.add("findings", { text: `malformed message on ${name}: ${text}` }),
        unknown: (type, text) => meter.unknownMessage(type, text),
        refusedWith: (status, reason) => meter.streamRefused(STREAM_CALL, status, reason),
        whySilent: () => this.whySilent(client),
        planAtEnd: () => this.stateAtEnd(),
        isPlanDeleted: () => this.isDeleted,
        isGeneratorEnding: () => recorder.signalled() || recorder.now() >= this.context.endsAt,
      },
    );
    const handle = meter.openStream(this.planId, name, stream.startedAt);
    const client: Client = {
      name,
      stream,
      account,
      handle,
      planAtStart: "unknown",
      lostByLog: 0,
      isLossUnknown: false,
    };
    this.clients.push(client);
    void stream.usable.then((isUsable) => this.sampleConnection(client, isUsable));
    void stream.ended.then((outcome) => this.sampleOutcome(client, outcome));
    return client;
  }

  private sampleConnection({ stream }: Client, isUsable: boolean): void {
    if (this.options.expectsNothing || (!isUsable && this.isDeleted)) return;
    if (stream.isUnknown && !isUsable) this.count("attemptsUnknown");
    if (!isUsable && (stream.outcome === "interrupted" || stream.outcome === "closed")) return;
    this.count("attempts");
    this.count("usable", isUsable ? 1 : 0);
    sample("connection-success", isUsable ? 1 : 0);
    if (stream.firstMessageAt === undefined) return;
    this.context.meter.time("time-to-first-message", stream.firstMessageAt - stream.startedAt);
  }

  private sampleOutcome({ stream, account }: Client, outcome: Outcome): void {
    const isByClient = outcome === "closed" || outcome === "starved" || outcome === "timed_out";
    account.leave(stream.endedAt ?? recorder.now(), isByClient);
    this.context.meter.count(`${OUTCOME_PREFIX}${outcome}`);
    if (stream.isUnknown) this.count("outcomesUnknown");
    if (stream.isTooLate) this.context.meter.add("findings", { text: TOO_LATE });
    if (outcome === "interrupted" || stream.isUnknown || stream.isTooLate) return;
    const isAcceptable = this.options.acceptable.includes(outcome);
    this.count("ended");
    this.count("acceptable", isAcceptable ? 1 : 0);
    sample("clean-outcomes", isAcceptable ? 1 : 0);
  }

  /** What is received while the log is asked for counts as received after it: the check errs on the server's side. */
  private async takeBaseline(clients: readonly Client[]): Promise<void> {
    if (this.options.expectsNothing) return;
    const received = clients.map(({ account }) => distinct(account));
    // One request after the other: each takes what a stream takes of a server that is short of connections.
    const lines = await this.logLines();
    const state = await this.state();
    clients.forEach((client, i) => {
      client.baseline = { lines, received: received[i] ?? 0 };
      client.planAtStart = state;
    });
  }

  /**
   * Why a stream is silent. It is owed what the plan's log, or another client, has beyond it, which is lost to it should it be
   * given up now; and the plan's end, where the plan was not over when it came.
   */
  private async whySilent(client: Client): Promise<Silence> {
    if (this.options.expectsNothing) return "owed";
    const { state, lines } = await this.inspect();
    client.isLossUnknown = lines === undefined || client.baseline?.lines === undefined;
    if (lines !== undefined) client.lostByLog = this.missingOf(client, lines);
    if (client.lostByLog > 0 || this.hasFallenBehind(client)) return "owed";
    if (state === "running") return client.isLossUnknown ? "unknown" : "quiet";
    if (state === "unknown") return "unknown";
    return this.isTooLate(client, lines) ? "too late" : "owed";
  }

  /** Whether a plan that is over had nothing more to say when a client came that heard nothing of it. */
  private isTooLate({ planAtStart, baseline, stream }: Client, lines: number | undefined): boolean {
    if (stream.firstMessageAt !== undefined) return false;
    return planAtStart === "over" || (lines !== undefined && lines > 0 && lines === baseline?.lines);
  }

  /** How the plan stands, and its log. Asked once for all clients that ask at the same time. */
  private inspect(): Promise<{ state: PlanState; lines: number | undefined }> {
    this.inspecting ??= (async () => {
      const state = await this.state();
      const lines = await this.logLines();
      this.inspecting = undefined;
      return { state, lines };
    })();
    return this.inspecting;
  }

  /** Whether another client has heard something since this one last did, or came, and long enough ago. */
  private hasFallenBehind({ account, stream }: Client): boolean {
    const heardUntil = Math.max(stream.startedAt, account.lastAt);
    return this.clients.some((other) => other.account.lastAt > heardUntil + ON_ITS_WAY_MS);
  }

  /** Streams that were told the plan's end should have received what the log gained since their baseline. */
  private async readFinalLog(): Promise<void> {
    const told = this.clients.filter(({ stream }) => stream.isTold);
    if (told.length === 0 || this.isDeleted || this.options.expectsNothing) return;
    await this.waitForEnd();
    const lines = await this.logLines();
    if (lines === undefined) return;
    for (const client of told) client.lostByLog = this.missingOf(client, lines);
  }

  /** Whoever was told the plan's end is owed the whole log: where the plan runs on, it is given a while to be whole. */
  private async waitForEnd(): Promise<void> {
    const deadline = recorder.now() + this.options.deadlines.silenceMs;
    const isOver = async () => ["over", "gone"].includes(await this.state());
    while (recorder.now() < deadline && !(await isOver())) await sleep(POLL_END_MS);
  }

  private missingOf({ baseline, account }: Client, lines: number): number {
    if (baseline?.lines === undefined) return 0;
    return Math.max(0, lines - baseline.lines - (distinct(account) - baseline.received));
  }

  private report({ name, stream, handle, isLossUnknown }: Client, { counts, latency }: Figures): void {
    const outcome = stream.outcome ?? "interrupted";
    if (!this.options.expectsNothing) {
      for (const count of COUNT_NAMES) this.count(count, counts[count]);
      if ((outcome === "starved" || stream.isUnknown) && isLossUnknown) this.count("lossUnknown");
    }
    const acceptable = this.options.acceptable.includes(outcome);
    const p95Ms = this.options.expectsNothing ? null : (quantile(latency, 0.95) ?? null);
    const report = {
      plan: this.planId,
      client: name,
      outcome,
      acceptable,
      reason: stream.reason,
      startedAt: stream.startedAt,
      openedAt: stream.openedAt ?? null,
      endedAt: stream.endedAt ?? recorder.now(),
      firstMessageMs: stream.firstMessageAt === undefined ? null : stream.firstMessageAt - stream.startedAt,
      p95Ms,
      counts,
    };
    this.context.meter.closeStream(handle, report, streamWeight(report));
  }
}
