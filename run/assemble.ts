import * as v from "valibot";
import { recorder } from "../client/extension.ts";
import { mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { instanceName, isShared } from "../record/instance.ts";
import {
  type Beginning,
  type Call,
  type Handover,
  type Judged,
  processSchema,
  type RunRecord,
  SCHEMA_VERSION,
  type Snapshot,
  type Tally,
  type TestRecord,
  type UnknownMessage,
} from "../record/record.ts";
import { type Judgement, judge, type TestEvidence, USERS_FINISHED } from "../thresholds/judge.ts";
import { shownCommand } from "./command.ts";
import { shownSettings } from "./config.ts";
import type { LoadTest } from "./loadtest.ts";
import type { RunPlan } from "./runplan.ts";
import { stallsOf } from "./stalls.ts";
import { CALL_PREFIX, OUTCOME_PREFIX, TIMINGS, TYPE_PREFIX, timingKey } from "./tallies.ts";

/** Judges what the recorder holds of a run. */
export function judgeRun(run: RunPlan, { clock }: Beginning, snapshot: Snapshot): Judgement {
  const clockUncertaintyMs = clock?.uncertaintyMs ?? 0;
  return judge([run.slots.map(({ test }) => ({ ...evidenceOf(test, snapshot), clockUncertaintyMs }))]);
}

/** In place of a test's name: what was found after all of them. */
export const WHOLE_RUN = "";

const NOTHING: Tally = { counts: {}, latency: {} };

function evidenceOf({ name, targets }: LoadTest, { tallies, lists, streams }: Snapshot): TestEvidence {
  const tally = tallies[name] ?? NOTHING;
  const unfinished = streams.open.filter(({ test }) => test === name).length;
  const interrupted = (tally.counts["outcome:interrupted"] ?? 0) + unfinished;
  return {
    test: name,
    targets,
    withheld: withheldOf(name, lists.handovers.kept),
    counts: { ...tally.counts, "outcome:interrupted": interrupted },
    latency: tally.latency,
    plans: lists.plans.kept.filter(({ test }) => test === name).map(({ latency }) => latency),
    streams: streams.kept.filter(({ test }) => test === name),
    queueDelay: tallies[timingKey(name, "queue-delay")]?.latency ?? {},
    generatorLag: tallies[timingKey(name, "generator-lag")]?.latency ?? {},
    samples: lists.samples.kept.filter(({ test }) => test === name),
    rates: lists.rates.kept.filter(({ test }) => test === name),
    steps: lists.steps.kept.filter(({ test }) => test === name),
  };
}

/** The record of a run: from its start (`snapshot` undefined), or at its end. */
export function makeRecord(run: RunPlan, started: Beginning, snapshot: Snapshot | undefined): RunRecord {
  const { config, runId, instance, name, slots } = run;
  const judgement = snapshot === undefined ? undefined : judgeRun(run, started, snapshot);
  const bounded = { seen: 0, kept: [] };
  return {
    schema: SCHEMA_VERSION,
    state: snapshot === undefined ? "running" : stateOf(run, snapshot),
    runId,
    instance: isShared(instance) ? instanceName(instance) : null,
    test: name,
    release: config.release,
    transport: config.transport,
    profile: config.profile,
    startedAt: started.startedAt,
    endedAt: snapshot === undefined ? null : new Date().toISOString(),
    target: {
      baseUrl: config.baseUrl,
      version: started.health.version,
      simulated: started.health.simulated,
      behaviour: started.health.behaviour,
      process: started.source?.name ?? null,
    },
    k6: recorder.k6Version(),
    by: v.parse(processSchema, JSON.parse(recorder.self())),
    command: shownCommand(recorder.command()),
    configuration: shownSettings(__ENV),
    targets: judgement?.targets ?? [],
    findings: findingsOf(WHOLE_RUN, snapshot),
    tests: slots.map(({ test }) => testRecord(test, judgement?.tests[test.name] ?? [], snapshot)),
    streams: snapshot === undefined ? bounded : { seen: snapshot.streams.seen, kept: snapshot.streams.kept },
    plans: snapshot?.lists.plans ?? bounded,
    histograms: { latency: joined(snapshot, (test) => test, slots) },
    windows: snapshot?.windows ?? {},
    failedRequests: snapshot?.lists.failedRequests ?? bounded,
    stalls: snapshot === undefined ? bounded : stallsOf(snapshot),
    samples: snapshot?.lists.samples ?? bounded,
    rates: snapshot?.lists.rates.kept ?? [],
    steps: snapshot?.lists.steps.kept ?? [],
    fallbacks: snapshot?.lists.fallbacks.kept ?? [],
    clock: started.clock,
    instrument: {
      queueDelay: joined(snapshot, (test) => timingKey(test, "queue-delay"), slots),
      generatorLag: joined(snapshot, (test) => timingKey(test, "generator-lag"), slots),
    },
    bounds: null,
    instances: [],
  };
}

/** Why a test was not played; null where it was. */
const withheldOf = (name: string, handovers: readonly Handover[]): string | null =>
  handovers.find(({ next }) => next === name)?.withheld ?? null;

/** Complete: nobody broke it off, and every virtual user of every test that was played came to its end. */
function stateOf({ slots }: RunPlan, { signalled, tallies, lists }: Snapshot): RunRecord["state"] {
  if (signalled) return "interrupted";
  const finished = ({ test, share }: RunPlan["slots"][number]) =>
    (tallies[test.name]?.counts[USERS_FINISHED] ?? 0) >= share ||
    withheldOf(test.name, lists.handovers.kept) !== null;
  return slots.every(finished) ? "complete" : "failed";
}

function testRecord(
  { name, plan, group }: LoadTest,
  targets: Judged[],
  snapshot: Snapshot | undefined,
): TestRecord {
  const tally = snapshot?.tallies[name] ?? NOTHING;
  const windows = snapshot?.windows[name]?.items ?? [];
  const handovers = snapshot?.lists.handovers.kept ?? [];
  return {
    name,
    plan: [...plan],
    group,
    startedAt: windows[0]?.at ?? null,
    endedAt: windows.at(-1)?.at ?? null,
    recoveryMs: handovers.find(({ test }) => test === name)?.recoveryMs ?? null,
    hadFreshServer: handovers.some(({ next, isFresh }) => next === name && isFresh),
    withheld: withheldOf(name, handovers),
    targets,
    outcomes: outcomesOf(name, tally, snapshot),
    findings: [
      ...findingsOf(name, snapshot),
      ...stampFindings(tally),
      ...typeFindings(tally, snapshot?.lists.unknownMessages.kept ?? []),
    ],
    calls: callsOf(tally),
    tally,
    timings: Object.fromEntries(
      TIMINGS.map((timing) => [timing, snapshot?.tallies[timingKey(name, timing)]?.latency ?? {}]),
    ),
  };
}

/** What was found, each said once. */
function findingsOf(test: string, snapshot: Snapshot | undefined): string[] {
  const mine = snapshot?.lists.findings.kept.filter((finding) => finding.test === test) ?? [];
  return [...new Set(mine.map(({ text }) => text))];
}

/** What was odd about timestamps is told: latencies below zero are never taken for zero. */
function stampFindings({ counts }: Tally): string[] {
  const { negative = 0, unstamped = 0 } = counts;
  const findings = [
    [negative, "messages came more than 2 ms before their timestamp: the clocks disagree"],
    [
      unstamped,
      "messages had no believable timestamp (none, unreadable, or more than a minute ahead): received, and not accounted for",
    ],
  ] as const;
  return findings.filter(([n]) => n > 0).map(([n, text]) => `${n} ${text}`);
}

/** What came that the API does not have, in one sentence with one example: newer servers say more than older ones. */
function typeFindings({ counts }: Tally, examples: readonly UnknownMessage[]): string[] {
  const types = Object.entries(withoutPrefix(counts, TYPE_PREFIX));
  if (types.length === 0) return [];
  const all = types.reduce((sum, [, n]) => sum + n, 0);
  const named = types.map(([type, n]) => `${type} ${n}`).join(", ");
  const example = examples.find(({ type }) => types.some(([known]) => known === type))?.text ?? "";
  return [
    `${all} messages of types that the API does not have (${named}): read, and not judged; e.g. ${example}`,
  ];
}

/** How many streams had each outcome; those that never got one were interrupted. */
function outcomesOf(name: string, { counts }: Tally, snapshot: Snapshot | undefined): Record<string, number> {
  const outcomes = withoutPrefix(counts, OUTCOME_PREFIX);
  const unfinished = snapshot?.streams.open.filter(({ test }) => test === name).length ?? 0;
  return unfinished === 0 ? outcomes : { ...outcomes, interrupted: (outcomes.interrupted ?? 0) + unfinished };
}

/** The answers of each call, from counts named `call:GET /api/plans 200`. */
function callsOf({ counts }: Tally): Call[] {
  const calls = new Map<string, Call>();
  for (const [name, n] of Object.entries(withoutPrefix(counts, CALL_PREFIX))) {
    const [, call = name, status = ""] = /^(.*) (\S+)$/.exec(name) ?? [];
    const known = calls.get(call) ?? { call, answers: {}, working: true };
    known.answers[status] = n;
    known.working &&= status === "200";
    calls.set(call, known);
  }
  return [...calls.values()].sort((a, b) => a.call.localeCompare(b.call));
}

function withoutPrefix(counts: Tally["counts"], prefix: string): Record<string, number> {
  const entries = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, n]) => [name.slice(prefix.length), n]));
}

function joined(
  snapshot: Snapshot | undefined,
  key: (test: string) => string,
  slots: RunPlan["slots"],
): SparseHistogram {
  const all: SparseHistogram = {};
  for (const { test } of slots) mergeInto(all, snapshot?.tallies[key(test.name)]?.latency ?? {});
  return all;
}
