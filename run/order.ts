import exec from "k6/execution";
import http from "k6/http";
import * as v from "valibot";
import { isNoRoute, PlanApi, planState } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import { isShared, markOf } from "../record/instance.ts";
import type { Handover } from "../record/record.ts";
import { STALL_MS } from "../thresholds/targets.ts";
import { deleteMarked } from "./cleanup.ts";
import type { Config } from "./config.ts";
import { isPrompt, type Probe } from "./health.ts";
import { setGauge } from "./metrics.ts";
import type { RunPlan, Slot } from "./runplan.ts";
import { settle } from "./settling.ts";

/*
 * The order of a run's tests. k6 starts all scenarios at once; users wait at their test's gate in the recorder until the
 * test before has ended and the server has recovered. The virtual user that watches a test opens the next test's gate, and
 * says at it whether the test is to be played.
 */

/** The word at a gate whose test is to be played. Any other is the reason why it is not. */
export const PLAY = "play";

/** The server has recovered when /health answers promptly so many times in a row, so far apart, ... */
const PROMPT_ANSWERS = 3;
const BETWEEN_PROBES_MS = 100;
/** ... and none of the run's plans runs. Those that still do after this share of the time are deleted. */
const PATIENCE_WITH_PLANS = 0.5;
/** The most that is told of what GATE_URL said. */
const LONGEST_ANSWER = 200;

/** Opens the gate of the first test. */
export function openFirst({ slots: [first] }: RunPlan): void {
  if (first !== undefined) recorder.openGate(first.test.name, PLAY);
}

/** When a user's turn began, and when its time is over; milliseconds since the epoch. */
export interface Turn {
  beganAt: number;
  endsAt: number;
}

/**
 * Waits until it is a user's turn. Undefined where its test is not played, or k6 ends. `user` is its number among those of
 * all instances. To be followed by `endTurn`.
 */
export async function takeTurn(run: RunPlan, slot: Slot, user: number): Promise<Turn | undefined> {
  const { name, profiles } = slot.test;
  const { atOnce, userSeconds, arrivalsPerSecond } = profiles[run.config.profile];
  if ((await recorder.passGate(name)) !== PLAY) return undefined;
  if (arrivalsPerSecond !== undefined) await sleep((user * 1_000) / arrivalsPerSecond);
  // Instances cannot see whose turn it is on the others: each turn has its time.
  else if (atOnce !== undefined && isShared(run.instance)) {
    await sleep(Math.floor(user / atOnce) * userSeconds * 1_000);
  } else if (!(await recorder.takeTurn(name, atOnce ?? slot.users))) return undefined;
  const beganAt = recorder.now();
  return { beganAt, endsAt: beganAt + userSeconds * 1_000 };
}

/** Lets the next user have its turn. Where turns follow one another, the server comes to rest first. */
export async function endTurn({ access, config }: RunPlan, { test }: Slot): Promise<void> {
  const isOneOfSeveral = test.profiles[config.profile].atOnce !== undefined;
  if (isOneOfSeveral) await settle(new PlanApi(access, STALL_MS));
  recorder.endTurn(test.name);
}

/** How the server came out of a test. */
interface Recovery {
  /** From the end of the test until all was well, in milliseconds; undefined where that did not come in time. */
  recoveredMs: number | undefined;
  /** When /health first answered, in milliseconds since the epoch; undefined where it did not. */
  answeredAt: number | undefined;
}

/**
 * What follows a test: the server recovers, or is restarted by whoever answers at GATE_URL; what the test has left on it is
 * deleted; the next test's gate is opened. Resolves to when /health answered, in milliseconds since the epoch.
 */
export async function handOver(run: RunPlan, slot: Slot): Promise<number | undefined> {
  const next = nextOf(run, slot);
  const { config, instance } = run;
  if (config.gateUrl !== undefined && next !== undefined) return restart(run, slot, next, config.gateUrl);
  const { recoveredMs, answeredAt } = await recover(run);
  const { name } = slot.test;
  if (next !== undefined && isShared(instance)) await untilScheduled(next);
  if (recoveredMs !== undefined) setGauge("test_recovery_seconds", recoveredMs / 1_000, { test: name });
  pass(run, slot, {
    recoveryMs: recoveredMs ?? null,
    isFresh: false,
    withheld: recoveredMs === undefined ? notRecovered(`from ${name}`, config) : null,
  });
  return answeredAt;
}

const notRecovered = (from: string, { recoverySeconds }: Config): string =>
  `the server had not recovered ${from} after ${recoverySeconds} s`;

const nextOf = ({ slots }: RunPlan, slot: Slot): Slot | undefined => slots[slots.indexOf(slot) + 1];

/** Hands on that a test is not played, and why. */
export const withhold = (run: RunPlan, slot: Slot, reason: string): void =>
  pass(run, slot, { recoveryMs: null, isFresh: false, withheld: reason });

function pass(run: RunPlan, slot: Slot, how: Pick<Handover, "recoveryMs" | "isFresh" | "withheld">): void {
  const next = nextOf(run, slot);
  const entry: Handover = { test: slot.test.name, next: next?.test.name ?? null, ...how };
  recorder.add("handovers", JSON.stringify(entry));
  if (next !== undefined) recorder.openGate(next.test.name, how.withheld ?? PLAY);
}

/** The instances of a run begin their tests at the same times: nothing tells one of them when the others have ended. */
const untilScheduled = ({ scheduledAt }: Slot): Promise<void> =>
  sleep(Math.max(0, exec.scenario.startTime + scheduledAt * 1_000 - recorder.now()));

const gateAnswer = v.object({ fresh: v.optional(v.boolean(), false) });

/** Asks at GATE_URL for the server to be as the next test is to find it, and waits until it is well. */
async function restart(run: RunPlan, slot: Slot, next: Slot, gateUrl: string): Promise<number | undefined> {
  const { config, runId } = run;
  const [after, before] = [slot.test.name, next.test.name];
  const asked = { run: runId, transport: config.transport, server: config.baseUrl, after, before };
  const { status, body, error } = await http.asyncRequest("POST", gateUrl, JSON.stringify(asked), {
    headers: { "Content-Type": "application/json" },
    redirects: 0,
    timeout: config.recoverySeconds * 1_000,
    tags: { name: "gate" },
  });
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), gateAnswer), body);
  const isFresh = answer.success && answer.output.fresh;
  if (status !== 200) {
    const said = status === 0 ? error : `${status} ${body ?? ""}`.trim();
    withhold(run, slot, `GATE_URL did not let ${before} begin (${said.slice(0, LONGEST_ANSWER)})`);
    return undefined;
  }
  const { recoveredMs, answeredAt } = await recover(run);
  const withheld =
    recoveredMs === undefined ? notRecovered(`from its restart before ${before}`, config) : null;
  pass(run, slot, { recoveryMs: null, isFresh, withheld });
  return answeredAt;
}

/** What /health answers after a test. */
class Convalescence {
  /** When it first answered, in milliseconds since the epoch. */
  answeredAt: number | undefined;
  /** From when on all was well, as far as is known. */
  private since: number | undefined;
  private promptAnswers = 0;

  constructor(private readonly endedAt: number) {}

  /** Takes a probe. Returns whether enough of them were prompt, one after the other. */
  take(probe: Probe): boolean {
    if (probe.status === 200) this.answeredAt ??= probe.at + probe.durationMs;
    if (!isPrompt(probe)) {
      this.relapse();
      return false;
    }
    this.since ??= probe.at;
    this.promptAnswers++;
    return this.promptAnswers >= PROMPT_ANSWERS;
  }

  /** It was not well after all. `isAnswering`: only the plans of the run are not over. */
  relapse(isAnswering = false): void {
    this.since = undefined;
    if (!isAnswering) this.promptAnswers = 0;
  }

  get recoveredMs(): number {
    return Math.max(0, (this.since ?? this.endedAt) - this.endedAt);
  }
}

/** Waits until the server has recovered, and deletes what is left on it. */
async function recover({ access, config, runId, instance }: RunPlan): Promise<Recovery> {
  const endedAt = recorder.now();
  const limitMs = config.recoverySeconds * 1_000;
  const api = new PlanApi(access, limitMs, () => {}, endedAt + limitMs);
  const marks = [markOf(runId, instance)];
  const server = new Convalescence(endedAt);
  while (recorder.now() < endedAt + limitMs && !recorder.signalled()) {
    if (server.take(await api.health())) {
      await settle(api);
      const left = await plansLeft(api, marks);
      const isPatient = recorder.now() < endedAt + PATIENCE_WITH_PLANS * limitMs;
      if (left === "over" || (left === "running" && !isPatient)) await deleteMarked(api, marks);
      const { recoveredMs, answeredAt } = server;
      if (left === "none" || left === "over") return { recoveredMs, answeredAt };
      server.relapse(left === "running");
    }
    await sleep(BETWEEN_PROBES_MS);
  }
  return { recoveredMs: undefined, answeredAt: server.answeredAt };
}

/** How the plans of a run stand that are still on the server. */
async function plansLeft(
  api: PlanApi,
  marks: readonly string[],
): Promise<"none" | "over" | "running" | "unknown"> {
  const answer = await api.list();
  if (isNoRoute(answer)) return "none";
  if (answer.body === undefined) return "unknown";
  const mine = answer.body.filter(({ prompt }) => marks.some((mark) => prompt.includes(mark)));
  if (mine.length === 0) return "none";
  return mine.every((body) => planState({ status: 200, body }) === "over") ? "over" : "running";
}
