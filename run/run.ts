import exec from "k6/execution";
import type { Options, Scenario } from "k6/options";
import { setTimeout } from "k6/timers";
import * as v from "valibot";
import { accessTo } from "../client/access.ts";
import { type Health, isNoRoute, PlanApi } from "../client/api.ts";
import { errorText } from "../client/errors.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import { connector } from "../client/wire.ts";
import {
  type Instance,
  instanceName,
  instanceSchema,
  isFirst,
  isShared,
  markOf,
} from "../record/instance.ts";
import type { Judged, Snapshot } from "../record/record.ts";
import { USERS_EXPECTED, USERS_FINISHED } from "../thresholds/judge.ts";
import { gaugeValue, k6Thresholds } from "../thresholds/k6.ts";
import { type TargetId, target } from "../thresholds/targets.ts";
import { judgeRun, makeRecord, WHOLE_RUN } from "./assemble.ts";
import { machineChecks, requireMet, serverChecks } from "./checks.ts";
import { deleteMarked, deleteMarkedAtOnce } from "./cleanup.ts";
import { estimateClock } from "./clock.ts";
import { givenVariables, refuseShownSecrets } from "./command.ts";
import { type Config, readConfig, smokeOr } from "./config.ts";
import { forbiddenNetworks, unsafeOption } from "./guard.ts";
import { everySecond, HealthProbe, type Span } from "./health.ts";
import { endLive } from "./live.ts";
import type { LoadTest } from "./loadtest.ts";
import { Meter } from "./meter.ts";
import { sample, setGauge, targetObserved } from "./metrics.ts";
import { endTurn, handOver, openFirst, PLAY, takeTurn, withhold } from "./order.ts";
import { type RunPlan, type Slot, type Started, slotsOf } from "./runplan.ts";
import { counted, verdictNumber, WHOLE_RUN_LABEL } from "./series.ts";
import { findSource, type Source, sampleUntil } from "./server-sample.ts";
import { type HandedOn, setupOf } from "./setup.ts";
import { summarise, takeSnapshot } from "./summary.ts";
import { CALL_PREFIX } from "./tallies.ts";

/** What a virtual user has beyond k6's cut, which the tests show unused. */
const GRACEFUL_STOP = "500ms";

/**
 * How long a request may take, and no longer than its user's time lasts: above the 30 s for which a server out of database
 * connections holds one before it answers 500.
 */
const REQUEST_TIMEOUT_MS = 35_000;
/** What set-up looks at before any load: a server that takes longer is none to load. */
const CHECK_TIMEOUT_MS = 10_000;
/** A probe of /health that takes longer is given up: a stall is seen while it lasts. */
const PROBE_TIMEOUT_MS = 2_000;
/** How often the server's process is looked at. The test plan: every 10 s. */
const SAMPLE_EVERY_MS = smokeOr(1_000, 10_000);

/** What a virtual user's sockets have for an orderly end, before they are cut: a server may never answer a close. */
const CLOSING_MS = 300;

/** What k6 tells at the end of a run, as far as it is used here. */
interface SummaryData {
  setup_data?: HandedOn<Started>;
  state: { isStdOutTTY: boolean };
}

/** What k6 calls of a script. */
export interface Script {
  options: Options;
  setup(): HandedOn<Started>;
  virtualUser(handedOn: HandedOn<Started> | undefined): Promise<void>;
  teardown(handedOn: HandedOn<Started> | undefined): Promise<void>;
  handleSummary(data: SummaryData): Record<string, string>;
}

/** A run of `tests` as the settings have it; settings that are wrong end k6. */
export function planRun(name: string, tests: readonly LoadTest[]): RunPlan {
  const config = configured(tests);
  const selected = selectTests(tests, config);
  const runId =
    config.runId ?? recorder.runId(`${name}-${config.release}-${config.transport}-${config.profile}`);
  const instance = ownInstance(config);
  const directory = `${config.outDir}/${runId}`;
  return {
    name,
    config,
    access: accessTo(config.baseUrl, config.headers),
    runId,
    instance,
    directory: isShared(instance) ? `${directory}/${instanceName(instance)}` : directory,
    slots: slotsOf(selected, config, recorder.share),
  };
}

/** A k6 script that runs `tests` one after the other: see run/order.ts. */
export function defineRun(name: string, tests: readonly LoadTest[]): Script {
  const run = planRun(name, tests);
  if (isLoad(recorder.command())) requireMet(machineChecks(run));
  return {
    options: optionsOf(run),
    setup: setupOf(() => setup(run)),
    virtualUser: (handedOn) => virtualUser(run, handedOn?.value),
    teardown: (handedOn) => teardown(run, handedOn?.value),
    handleSummary: ({ setup_data: handedOn, state: { isStdOutTTY } }) =>
      handedOn?.value === undefined
        ? withoutSetup(run, isStdOutTTY)
        : summarise(run, handedOn.value, isStdOutTTY),
  };
}

/** Whether k6 is to run the script, and not only to look at it (k6 inspect, k6 archive). */
const isLoad = (command: string): boolean => command.split(" ").includes("run");

function selectTests(tests: readonly LoadTest[], { only, profile }: Config): readonly LoadTest[] {
  if (only.length > 0) return tests.filter(({ name }) => only.includes(name));
  const isSuite = tests.length > 1;
  return tests.filter(
    ({ onlyInSuiteOf }) => !isSuite || onlyInSuiteOf === undefined || onlyInSuiteOf === profile,
  );
}

/** The part of the run that k6's --execution-segment gives to this process. Instances of a run share its id. */
function ownInstance({ runId, gateUrl }: Config): Instance {
  try {
    const instance = v.parse(instanceSchema, JSON.parse(recorder.instance()));
    if (isShared(instance) && runId === undefined) {
      throw new Error("RUN_ID is not set: the instances of a run share its id, give all of them the same");
    }
    if (isShared(instance) && gateUrl !== undefined) {
      throw new Error(
        "GATE_URL is set: the instances of a run cannot agree on when to restart a server; leave it out",
      );
    }
    return instance;
  } catch (error) {
    exec.test.abort(errorText(error));
    throw error;
  }
}

function configured(tests: readonly LoadTest[]): Config {
  try {
    const given = givenVariables(recorder.command());
    refuseShownSecrets(given);
    return readConfig(
      __ENV,
      tests.map(({ name }) => name),
      given,
    );
  } catch (error) {
    exec.test.abort(errorText(error));
    throw error;
  }
}

const healthScenario = (test: string): string => `${test}-health`;

/** Users that start with the run, each once, and wait for their test. */
const scenarioOf = ({ test, cutAt }: Slot, vus: number): Scenario => ({
  executor: "per-vu-iterations",
  exec: "virtualUser",
  vus,
  iterations: 1,
  maxDuration: `${cutAt}s`,
  gracefulStop: GRACEFUL_STOP,
  tags: { test: test.name },
});

/** The thresholds of a run. An instance has none: what it saw is a share, and `npm run merge` judges the whole. */
const thresholdsOf = ({ instance, slots }: RunPlan): Record<string, string[]> =>
  isShared(instance) ? {} : k6Thresholds(slots.map(({ test }) => test));

function optionsOf(run: RunPlan): Options {
  const { config, runId, instance, slots } = run;
  const { release, transport, profile, trigger } = config;
  const scenarios: Record<string, Scenario> = {};
  for (const slot of slots) {
    scenarios[slot.test.name] = scenarioOf(slot, slot.users);
    // One on each instance.
    scenarios[healthScenario(slot.test.name)] = scenarioOf(slot, instance.of);
  }
  const instanceTag = isShared(instance) ? { instance_id: String(instance.number) } : {};
  return {
    scenarios,
    thresholds: thresholdsOf(run),
    noConnectionReuse: true,
    tags: { testid: runId, release, transport, profile, trigger, test: WHOLE_RUN_LABEL, ...instanceTag },
    systemTags: ["status", "method", "name", "scenario", "error_code", "expected_response", "check"],
    blacklistIPs: forbiddenNetworks(config),
    userAgent: "plan-load",
    setupTimeout: "180s",
    teardownTimeout: "180s",
  };
}

/** Before any load: is there the plan API that is meant, which model, and can the results be written? A no ends the run. */
async function setup(run: RunPlan): Promise<Started> {
  const { config, access, directory, slots, instance } = run;
  const unsafe = unsafeOption(config);
  if (unsafe !== undefined) exec.test.abort(unsafe);
  const api = new PlanApi(access, REQUEST_TIMEOUT_MS);
  const health = await requireServer(run, new PlanApi(access, CHECK_TIMEOUT_MS));
  const model = config.llmModel ?? (await firstModel(api));
  const source = isFirst(instance) ? await findSource(config, access) : null;
  const hasFallback = await askWhetherFallback(run, api);
  const startedAt = new Date().toISOString();
  const started: Started = { startedAt, health, model, clock: null, source, hasFallback };
  try {
    recorder.begin(directory, JSON.stringify(makeRecord(run, started, undefined)));
    recorder.add("beginning", JSON.stringify(started));
  } catch (error) {
    exec.test.abort(errorText(error));
  }
  for (const { test, share } of slots) {
    recorder.tally(test.name, JSON.stringify({ counts: { [USERS_EXPECTED]: share } }));
  }
  if (isUnverified(config)) {
    addFinding("TLS certificates were not verified: k6 was told so (insecureSkipTLSVerify)");
  }
  const clock = await estimateClock(api, model, markOf(run.runId, run.instance));
  tellWhatItIs(run, { ...started, clock });
  openFirst(run);
  return { ...started, clock };
}

/** The id of a plan that there is not. */
const NO_PLAN = "PlanExe_00000000-0000-4000-8000-000000000000";

/**
 * Whether the server has fallback reports at all, asked once and counted as a call of the test whose subject they are: one
 * that has no such route would be asked for every stream that broke off.
 */
async function askWhetherFallback({ slots }: RunPlan, api: PlanApi): Promise<boolean> {
  const { test } = slots.find(({ test: { targets } }) => targets.includes("fallback-report")) ?? {};
  if (test === undefined) return true;
  const answer = await api.fallbackReport(NO_PLAN);
  const counts = { requests: 1, [`${CALL_PREFIX}${answer.call} ${answer.status}`]: 1 };
  recorder.tally(test.name, JSON.stringify({ counts }));
  return !isNoRoute(answer);
}

/** Sends what the run is: what the figures alone do not tell. */
function tellWhatItIs({ name, instance, slots }: RunPlan, { startedAt, health, clock }: Started): void {
  const test = WHOLE_RUN_LABEL;
  setGauge("run_started_seconds", Date.parse(startedAt) / 1_000, { test });
  setGauge("run_info", 1, {
    test,
    script: name,
    instances: String(instance.of),
    server_version: health.version,
    simulated: String(health.simulated),
    behaviour: health.behaviour,
    k6_version: recorder.k6Version(),
  });
  for (const { test: one } of slots) {
    const { plan, group, targets } = one;
    setGauge("test_info", 1, { test: one.name, plan: plan.join(), group, targets: targets.join() });
  }
  if (clock === null) return;
  setGauge("clock_offset_seconds", clock.offsetMs / 1_000, { test });
  setGauge("clock_uncertainty_seconds", clock.uncertaintyMs / 1_000, { test });
}

async function requireServer(run: RunPlan, api: PlanApi): Promise<Health> {
  const { checks, health } = await serverChecks(run, api);
  requireMet(checks);
  if (health !== undefined) return health;
  throw new Error("aborted");
}

const isUnverified = ({ baseUrl }: Config): boolean =>
  /^https:/i.test(baseUrl) && exec.test.options.insecureSkipTLSVerify === true;

async function firstModel(api: PlanApi): Promise<string> {
  const { status, body } = await api.models();
  const first = body?.[0]?.id;
  if (first !== undefined) return first;
  exec.test.abort(
    `BASE_URL ${api.access.baseUrl} names no model: GET /api/models answered ${status}; set LLM_MODEL to the model to be used`,
  );
  throw new Error("aborted");
}

async function virtualUser(run: RunPlan, started: Started | undefined): Promise<void> {
  if (started === undefined) {
    exec.test.abort(
      "k6's option noSetup would start a load that nothing was checked for: leave out --no-setup and K6_NO_SETUP",
    );
    return;
  }
  const { slots } = run;
  const slot = slots.find(({ test }) => exec.scenario.name.replace(/-health$/, "") === test.name);
  if (slot === undefined) return;
  if (exec.scenario.name === healthScenario(slot.test.name)) await beside(run, slot, started.source);
  else await play(run, slot, started);
}

/** The gate that is open once all users of a test have come to their end. */
const endOf = ({ name }: LoadTest): string => `end of ${name}`;

/** One user of a test, from its turn to its end. */
async function play(run: RunPlan, slot: Slot, started: Started): Promise<void> {
  const { config, access, directory } = run;
  const { test } = slot;
  const user = exec.scenario.iterationInTest;
  const turn = await takeTurn(run, slot, user);
  if (turn === undefined) return;
  recorder.guardConnections();
  const meter = new Meter(test.name);
  try {
    await test.run({
      config,
      numbers: test.profiles[config.profile],
      api: new PlanApi(access, REQUEST_TIMEOUT_MS, meter.answer, turn.endsAt),
      connect: connector(config.transport, access, REQUEST_TIMEOUT_MS, config.wsClient),
      meter,
      model: started.model,
      clockOffsetMs: started.clock?.applied ? started.clock.offsetMs : 0,
      directory,
      source: started.source,
      hasFallback: started.hasFallback,
      mark: markOf(run.runId, run.instance),
      user,
      ...turn,
    });
    await endTurn(run, slot);
    meter.count(USERS_FINISHED);
  } finally {
    meter.stop();
    if (recorder.count(test.name, USERS_FINISHED) >= slot.share) recorder.openGate(endOf(test), "");
    setTimeout(() => recorder.closeConnections(), CLOSING_MS);
  }
}

/**
 * Beside the users of a test: its live series, the server's /health, the server's process; and behind them the way to the
 * next test. Where several instances share the run, the first probes and samples the server, for as long as any of them may
 * have users.
 */
async function beside(run: RunPlan, slot: Slot, source: Source | null): Promise<void> {
  const { test, share, seconds } = slot;
  const word = await recorder.passGate(test.name);
  if (word === "") return;
  if (word !== PLAY) {
    withhold(run, slot, word);
    return;
  }
  const meter = new Meter(test.name);
  const endsAt = recorder.now() + seconds * 1_000;
  const isWaiting = isShared(run.instance) && isFirst(run.instance);
  const isOver = () =>
    (!isWaiting && recorder.count(test.name, USERS_FINISHED) >= share) || recorder.now() > endsAt;
  const span = { isOver, over: isWaiting ? sleep(seconds * 1_000) : recorder.passGate(endOf(test)) };
  try {
    const probe = isFirst(run.instance) ? await watch(run, test, span, source, meter) : undefined;
    if (probe === undefined) await everySecond(meter, span, async () => {});
    recorder.openGate(endOf(test), "");
    endLive(test.name);
    const answeredAt = await handOver(run, slot);
    probe?.stop(answeredAt);
  } finally {
    meter.stop();
  }
}

/** Probes and samples the server as long as the test lasts. */
async function watch(
  { config, access }: RunPlan,
  test: LoadTest,
  span: Span,
  source: Source | null,
  meter: Meter,
): Promise<HealthProbe> {
  const probe = new HealthProbe(new PlanApi(access, PROBE_TIMEOUT_MS, meter.answer), meter);
  const isWatched = source !== null && !test.samplesServerItself;
  const watching = isWatched
    ? sampleUntil(span, SAMPLE_EVERY_MS[config.profile], source, access, meter, "load")
    : undefined;
  await Promise.all([everySecond(meter, span, () => probe.ask()), watching]);
  return probe;
}

/** Adds a finding about the run as a whole. */
function addFinding(text: string): void {
  recorder.add("findings", JSON.stringify({ test: WHOLE_RUN, text }));
}

/** Removes what the run left on the server, and tells k6 the figures that only now are known. */
async function teardown(run: RunPlan, started: Started | undefined): Promise<void> {
  if (started === undefined) return;
  const { left } = await deleteMarked(new PlanApi(run.access, REQUEST_TIMEOUT_MS), [
    markOf(run.runId, run.instance),
  ]);
  left.forEach(addFinding);
  for (const { test } of run.slots) endLive(test.name);
  const snapshot = takeSnapshot();
  if (!isShared(run.instance)) tellVerdicts(run, started, snapshot);
  const sums = run.slots.map(({ test }) => counted(snapshot.tallies[test.name]?.counts ?? {}));
  const all = sums.reduce((sum, one) => sum + one, 0);
  setGauge("run_counted", all, { test: WHOLE_RUN_LABEL });
  setGauge("run_ended_seconds", recorder.now() / 1_000, { test: WHOLE_RUN_LABEL });
}

/** Judges the run, and tells k6. */
function tellVerdicts(run: RunPlan, started: Started, snapshot: Snapshot): void {
  const { targets, tests } = judgeRun(run, started, snapshot);
  sendVerdicts(WHOLE_RUN_LABEL, targets);
  for (const [test, judgedOfTest] of Object.entries(tests)) {
    sendVerdicts(test, judgedOfTest);
    for (const judged of judgedOfTest) {
      const row = target(judged.id as TargetId);
      const value = gaugeValue(row, judged);
      const isGauge = row.form.kind === "gauge" || row.form.kind === "shortfall";
      if (isGauge && value !== undefined) sample(row.id as TargetId, value, { test });
      targetObserved.add(judged.verdict === "no data" ? 0 : 1, { target: row.id, test });
    }
  }
}

/** The targets as they were judged, as series: `test` is a test's name, or the whole run. */
function sendVerdicts(test: string, judgements: readonly Judged[]): void {
  for (const { id, verdict, value, interval } of judgements) {
    const tags = { test, target: id };
    setGauge("target_verdict", verdictNumber(verdict), tags);
    setGauge("target_limit", target(id as TargetId).limit, tags);
    if (value !== null) setGauge("target_value", value, tags);
    if (interval === null) continue;
    setGauge("target_low", interval[0], tags);
    setGauge("target_high", interval[1], tags);
  }
}

/**
 * A set-up that failed or was interrupted has no teardown, and k6 does not hand on what it found out: what it had begun to
 * create is deleted here, and the record that it had begun is brought to its end.
 */
function withoutSetup(run: RunPlan, isTTY: boolean): Record<string, string> {
  const [beginning] = takeSnapshot().lists.beginning.kept;
  if (beginning === undefined) return {};
  const left = deleteMarkedAtOnce(run.access, markOf(run.runId, run.instance), run.runId);
  left.forEach(addFinding);
  return summarise(run, beginning, isTTY);
}
