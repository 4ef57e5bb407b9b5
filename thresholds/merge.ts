import { mergeInto } from "../record/histogram.ts";
import { type Instance, instanceName, isShared, markOf, readInstance } from "../record/instance.ts";
import { joinBounded, joinWindows, streamWeight } from "../record/join.ts";
import type { Call, InstancePart, Judged, RunRecord, TestRecord } from "../record/record.ts";
import { judge, type TestEvidence } from "./judge.ts";
import type { TargetId } from "./targets.ts";

/** What the instances of a run have in common. */
const COMMON = ["runId", "test", "release", "transport", "profile"] as const;

/**
 * Joins what the instances of one run recorded into the record of the whole run, and judges that. Counts and histograms
 * are added up, so that percentiles are those of all messages, to the 1.1 % of a histogram's bucket. Records are taken
 * one by one: memory does not grow with their number. Times become those of the server's clock, as far as an instance
 * knows what its own is off. Where an instance is missing or was broken off, nothing is met.
 * @throws Error with one sentence where the records are not those of one run's instances
 */
export function mergeRecords(records: Iterable<RunRecord>): RunRecord {
  let whole: RunRecord | undefined;
  for (const record of records) {
    const part = partOf(record);
    if (whole === undefined) whole = part;
    else add(whole, part);
  }
  if (whole === undefined)
    throw new Error("there is no record to merge: give the directories of the instances");
  return concluded(whole);
}

const WHOLE: Instance = { number: 1, of: 1 };

function instanceOf({ instance }: RunRecord): Instance {
  const known = instance === null ? WHOLE : readInstance(instance);
  if (known === undefined) throw new Error(`a record is of instance ${instance}, which is none`);
  return known;
}

/** The record of an instance as a part of the whole: on the server's clock, and with the instance's name where it says of what it tells. */
function partOf(record: RunRecord): RunRecord {
  if (record.instances.length > 0) {
    throw new Error(`${record.runId} is merged already: give the records of its instances`);
  }
  const instance = instanceOf(record);
  const name = instanceName(instance);
  const within = isShared(instance) ? (text: string) => `${name}: ${text}` : (text: string) => text;
  return {
    ...onServerClock(record),
    findings: record.findings.map(within),
    fallbacks: record.fallbacks.map((one) => ({
      ...one,
      file: one.file !== null && isShared(instance) ? `${name}/${one.file}` : one.file,
    })),
    instances: [{ name, state: record.state, clock: record.clock }],
  };
}

function onServerClock(record: RunRecord): RunRecord {
  const shift = record.clock?.applied ? record.clock.offsetMs : 0;
  if (shift === 0) return record;
  const iso = (text: string) => new Date(Date.parse(text) + shift).toISOString();
  const moved = <T extends object>(entries: readonly T[]) => entries.map((entry) => shifted(entry, shift));
  const kept = <T extends object>(list: { seen: number; kept: T[] }) => ({ ...list, kept: moved(list.kept) });
  return {
    ...record,
    startedAt: iso(record.startedAt),
    endedAt: record.endedAt === null ? null : iso(record.endedAt),
    tests: moved(record.tests),
    streams: kept(record.streams),
    windows: mapValues(record.windows, (series) => ({ ...series, items: moved(series.items) })),
    failedRequests: kept(record.failedRequests),
    stalls: kept(record.stalls),
    samples: kept(record.samples),
    steps: moved(record.steps),
  };
}

const TIMES = ["at", "startedAt", "openedAt", "endedAt"];

function shifted<T extends object>(entry: T, ms: number): T {
  const entries = Object.entries(entry).map(([key, value]) => [
    key,
    TIMES.includes(key) && typeof value === "number" ? Math.round(value + ms) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

function add(whole: RunRecord, part: RunRecord): void {
  requireSameRun(whole, part);
  const unbounded = <T>(list: T[]) => ({ seen: list.length, kept: list });
  whole.instances.push(...part.instances);
  whole.findings = union(whole.findings, part.findings);
  for (const test of part.tests) {
    const known = whole.tests.find(({ name }) => name === test.name);
    if (known === undefined) whole.tests.push(test);
    else addTest(known, test);
  }
  for (const [test, series] of Object.entries(part.windows)) {
    const known = whole.windows[test];
    whole.windows[test] = known === undefined ? series : joinWindows(known, series);
  }
  mergeInto(whole.histograms.latency, part.histograms.latency);
  mergeInto(whole.instrument.queueDelay, part.instrument.queueDelay);
  mergeInto(whole.instrument.generatorLag, part.instrument.generatorLag);
  whole.streams = joinBounded(whole.streams, part.streams, streamWeight);
  whole.plans = joinBounded(whole.plans, part.plans, () => 0);
  whole.failedRequests = joinBounded(whole.failedRequests, part.failedRequests, ({ status }) => status);
  whole.stalls = joinBounded(whole.stalls, part.stalls, ({ durationMs }) => durationMs);
  whole.samples = joinBounded(whole.samples, part.samples, () => 0);
  whole.rates = joinBounded(unbounded(whole.rates), unbounded(part.rates), () => 0).kept;
  whole.steps = [...whole.steps, ...part.steps];
  whole.fallbacks = joinBounded(unbounded(whole.fallbacks), unbounded(part.fallbacks), ({ isDelivered }) =>
    Number(!isDelivered),
  ).kept;
  whole.target.process ??= part.target.process;
  whole.startedAt = whole.startedAt < part.startedAt ? whole.startedAt : part.startedAt;
  whole.endedAt = later(whole.endedAt, part.endedAt);
}

function requireSameRun(whole: RunRecord, part: RunRecord): void {
  const field = COMMON.find((name) => whole[name] !== part[name]);
  if (field !== undefined) {
    throw new Error(
      `these are no instances of one run: ${field} is ${whole[field]} in one record and ${part[field]} in another`,
    );
  }
  const [name = ""] = part.instances.map((instance) => instance.name);
  if (whole.instances.some((known) => known.name === name)) {
    throw new Error(`instance ${name} is there twice: give each record once`);
  }
  const [of, ofPart] = [instanceOf(whole).of, instanceOf(part).of];
  if (of !== ofPart) throw new Error(`instance ${name} is none of a run that ${of} instances share`);
}

function addTest(into: TestRecord, test: TestRecord): void {
  into.startedAt = Math.min(
    into.startedAt ?? Number.POSITIVE_INFINITY,
    test.startedAt ?? into.startedAt ?? 0,
  );
  into.endedAt = later(into.endedAt, test.endedAt);
  if (into.targets.length < test.targets.length) into.targets = test.targets;
  into.findings = union(into.findings, test.findings);
  into.recoveryMs = later(into.recoveryMs, test.recoveryMs);
  into.hadFreshServer ||= test.hadFreshServer;
  into.withheld ??= test.withheld;
  for (const call of test.calls) addCall(into.calls, call);
  mergeInto(into.outcomes, test.outcomes);
  mergeInto(into.tally.counts, test.tally.counts);
  mergeInto(into.tally.latency, test.tally.latency);
  for (const [timing, histogram] of Object.entries(test.timings)) {
    into.timings[timing] ??= {};
    mergeInto(into.timings[timing], histogram);
  }
}

function addCall(calls: Call[], call: Call): void {
  const known = calls.find((one) => one.call === call.call);
  if (known === undefined) calls.push(call);
  else {
    mergeInto(known.answers, call.answers);
    known.working &&= call.working;
  }
}

/** The whole, judged; its instances in order, the missing ones among them. */
function concluded(whole: RunRecord): RunRecord {
  const { of } = instanceOf(whole);
  const instances = Array.from({ length: of }, (_, i): InstancePart => {
    const name = instanceName({ number: i + 1, of });
    return whole.instances.find((known) => known.name === name) ?? { name, state: "missing", clock: null };
  });
  const doubts = instances.filter(({ state }) => state !== "complete").map(doubtOf);
  const { targets, tests } = judge([whole.tests.map((test) => evidenceOf(test, whole))]);
  const sure = (judged: Judged) => (doubts.length > 0 ? inDoubt(judged, doubts) : judged);
  return {
    ...whole,
    state: doubts.length > 0 ? "incomplete" : "complete",
    instance: null,
    targets: targets.map(sure),
    tests: whole.tests.map((test) => ({ ...test, targets: (tests[test.name] ?? []).map(sure) })),
    findings: [...doubts, ...instances.flatMap((part) => plansLeftBy(part, whole.runId)), ...whole.findings],
    clock: clockOf(instances),
    instances,
  };
}

/** What a record holds of a test, as it is judged. */
function evidenceOf(test: TestRecord, record: RunRecord): TestEvidence {
  const mine = <T extends { test: string }>(entries: readonly T[]) =>
    entries.filter((entry) => entry.test === test.name);
  return {
    test: test.name,
    targets: test.targets.map(({ id }) => id as TargetId),
    withheld: test.withheld,
    counts: { ...test.tally.counts, "outcome:interrupted": test.outcomes.interrupted ?? 0 },
    latency: test.tally.latency,
    plans: mine(record.plans.kept).map(({ latency }) => latency),
    streams: mine(record.streams.kept),
    queueDelay: test.timings["queue-delay"] ?? {},
    generatorLag: test.timings["generator-lag"] ?? {},
    clockUncertaintyMs: clockOf(record.instances)?.uncertaintyMs ?? 0,
    bounds: record.bounds,
    samples: mine(record.samples.kept).sort((a, b) => a.at - b.at),
    rates: mine(record.rates),
    steps: mine(record.steps),
  };
}

function doubtOf({ name, state }: InstancePart): string {
  if (state === "missing") return `instance ${name} left no readable record`;
  if (state === "running") return `instance ${name} was broken off without a word, or still runs`;
  return `instance ${name} is not complete: ${state}`;
}

/** An instance that came to its end has deleted its plans, or told which it could not. */
function plansLeftBy({ name, state }: InstancePart, runId: string): string[] {
  if (state !== "missing" && state !== "running") return [];
  const mark = markOf(runId, readInstance(name) ?? WHOLE);
  return [
    `plans of instance ${name} may be left on the server: those with "${mark}" in their prompts; npm run cleanup -- ${runId} deletes what is left of the run`,
  ];
}

/** A part of a run may show that a target is missed, and never that it is met. */
const inDoubt = (judged: Judged, [doubt = "", ...others]: readonly string[]): Judged =>
  judged.verdict === "missed"
    ? judged
    : {
        ...judged,
        verdict: "no data",
        reason: others.length > 0 ? `${doubt}, and ${others.length} more` : doubt,
      };

/** The merged record is on the server's clock, to the uncertainty of the instance that knows it least. */
function clockOf(instances: readonly InstancePart[]): RunRecord["clock"] {
  const known = instances.flatMap(({ clock }) => clock ?? []);
  if (known.length === 0) return null;
  const uncertaintyMs = Math.max(...known.map((clock) => clock.uncertaintyMs));
  return { offsetMs: 0, uncertaintyMs, applied: false };
}

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];

const later = <T extends string | number>(a: T | null, b: T | null): T | null =>
  a === null || (b !== null && b > a) ? b : a;

const mapValues = <T>(values: Record<string, T>, convert: (value: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, convert(value)]));
