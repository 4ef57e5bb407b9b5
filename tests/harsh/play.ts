import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningServer, startServer } from "../../cli/servers.ts";
import type { RunRecord, TestRecord, Transport } from "../../record/record.ts";
import { fails } from "../../thresholds/judge.ts";
import { countsOf, type Finished, k6, onlyRecord, until } from "../harness.ts";
import { deviations } from "../play.ts";
import { type HarshCase, LONGEST_SECONDS, type UsedTest, type World } from "./cases.ts";
import { startFront } from "./front.ts";
import { startNetwork } from "./network.ts";

/** What a run may take beyond that, for its set-up, its end and its clean-up, however harsh the world. */
const GRACE_SECONDS = 20;
/** How long the list of what is left is waited for, of a server that does not answer. */
const LAST_LIST_SECONDS = 40;
/** How long a server may take to recover from a test; some never do. */
const RECOVERY_SECONDS = 5;
/** What k6 may hold in memory at any moment of such a run. */
const MOST_MEMORY_MIB = 384;
const LOOK_MS = 100;

/** What came of a case. */
interface Outcome extends Finished {
  /** Undefined where nothing was loaded. */
  record: RunRecord | undefined;
  seconds: number;
  /** The most memory that k6 had. */
  peakMiB: number;
  /** Plans that are left on the server. */
  plansLeft: number;
}

/**
 * Plays a case. Resolves to what is not as it says, in words; none when all is. Once more where nothing but the two
 * targets is wrong that a busy machine can make wrong: what the case itself makes wrong is so again.
 */
export async function wrongIn(harsh: HarshCase, transport: Transport): Promise<string[]> {
  const wrong = deviationsOf(harsh, await play(harsh, transport));
  const isOfMachine =
    wrong.length > 0 && wrong.every((text) => /^(message-latency|responsiveness) is/.test(text));
  return isOfMachine ? deviationsOf(harsh, await play(harsh, transport)) : wrong;
}

const testsOf = ({ tests = ["multiple-clients"] }: HarshCase): readonly UsedTest[] => tests;

/** What the run may take. */
const limitOf = (harsh: HarshCase): number =>
  testsOf(harsh).reduce(
    (sum, test) => sum + LONGEST_SECONDS[test] + RECOVERY_SECONDS,
    GRACE_SECONDS + (harsh.leavesPlans === true ? LAST_LIST_SECONDS : 0),
  );

async function play(harsh: HarshCase, transport: Transport): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const server = await startServer([]);
  const stage = await build(harsh.world, server);
  try {
    const only = testsOf(harsh).join(",");
    const settings = {
      BASE_URL: stage.url,
      TRANSPORT: transport,
      OUT_DIR: directory,
      ONLY: only,
      RECOVERY_SECONDS: String(RECOVERY_SECONDS),
    };
    const finished = await timed(settings, limitOf(harsh));
    const record = readdirSync(directory).length === 0 ? undefined : onlyRecord(directory);
    const { plans } = await countsOf(server);
    return { ...finished, record, plansLeft: plans };
  } finally {
    await stage.stop();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A k6 that is ended where it hangs, with its time and the most memory that it had. */
async function timed(settings: Record<string, string>, limitSeconds: number) {
  const startedAt = performance.now();
  const { child, finished } = k6("suite", settings);
  const watch = { peakMiB: 0 };
  const looking = setInterval(() => {
    watch.peakMiB = Math.max(watch.peakMiB, peakOf(child.pid));
  }, LOOK_MS);
  const giveUp = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1_000);
  const end = await finished;
  clearInterval(looking);
  clearTimeout(giveUp);
  return { ...end, ...watch, seconds: (performance.now() - startedAt) / 1_000 };
}

/** The most memory that a process has had, in MiB; 0 where it is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}

/** Sets the world up around the server. */
async function build(world: World, server: RunningServer): Promise<{ url: string; stop(): Promise<void> }> {
  if ("network" in world) return startNetwork(server.url, world.network);
  if ("front" in world) return startFront(server.url, world.front());
  return killAndRestart(server, world);
}

async function killAndRestart(server: RunningServer, world: { killedAfterMs: number; awayMs: number }) {
  const isOpen = async () => {
    const { streams } = await countsOf(server);
    return streams.sse + streams.ws > 0;
  };
  const back = until(isOpen).then(async () => {
    await sleep(world.killedAfterMs);
    process.kill(server.pid ?? 0, "SIGKILL");
    await sleep(world.awayMs);
    return startServer(["--port", new URL(server.url).port]);
  });
  return { url: server.url, stop: async () => (await back).stop() };
}

function deviationsOf(harsh: HarshCase, played: Outcome): string[] {
  return [...runDeviations(harsh, played), ...recordDeviations(harsh, played)];
}

const AN_EXCEPTION = /panic:|fatal error:|Uncaught|(Type|Range|Reference|Syntax|Go)Error|\.js:\d/;

/** It ended in time, within its memory, without an exception, and left nothing behind. */
function runDeviations(harsh: HarshCase, { seconds, peakMiB, plansLeft, stderr }: Outcome): string[] {
  const limit = limitOf(harsh);
  return allOf(
    [seconds < limit, `it took more than ${limit} s`],
    [peakMiB < MOST_MEMORY_MIB, `k6 had ${Math.round(peakMiB)} MiB, more than ${MOST_MEMORY_MIB}`],
    [plansLeft === 0 || harsh.leavesPlans === true, `${plansLeft} plans are left on the server`],
    [!AN_EXCEPTION.test(stderr), `an exception shows: ${stderr.slice(0, 2_000)}`],
  );
}

/** The exit code is that of the verdicts, and the verdicts are those of the case; or nothing was loaded. */
function recordDeviations(harsh: HarshCase, played: Outcome): string[] {
  const { code, record, stderr } = played;
  if (harsh.refusal !== undefined || record === undefined) {
    return allOf(
      [code === 108 && record === undefined && harsh.refusal !== undefined, `exit code ${code}`],
      [harsh.refusal?.test(stderr) ?? false, `no sentence like ${harsh.refusal}`],
    );
  }
  const expected = record.targets.some(fails) ? 99 : 0;
  const findings = [record, ...record.tests].flatMap((one) => one.findings).join("\n");
  const { missed, either = [], noData = [], recovers = false } = harsh;
  return [
    ...deviations(record, { missed, either, noData }),
    ...record.tests.flatMap((test) => outcomeDeviations(harsh, test)),
    ...allOf(
      [code === expected, `exit code ${code}, expected ${expected}`],
      [record.state === "complete", `the run is ${record.state}`],
      [harsh.finds?.test(findings) ?? true, `no finding like ${harsh.finds}: ${findings}`],
      [!recovers || !record.tests.at(-1)?.targets.some(fails), "the test after it misses targets"],
    ),
  ];
}

/** Every stream has an outcome, and one that it may have. */
function outcomeDeviations({ outcomes: possible }: HarshCase, { outcomes, tally }: TestRecord): string[] {
  const counted = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
  const opened = tally.counts.streamsOpened ?? 0;
  const strange = Object.keys(outcomes).filter((name) => !possible.some((one) => one === name));
  return allOf(
    [counted === opened, `${opened} streams, and ${counted} outcomes`],
    [strange.length === 0, `streams ended as ${strange.join(", ")}: ${JSON.stringify(outcomes)}`],
  );
}

/** What is said of the conditions that do not hold. */
const allOf = (...conditions: readonly (readonly [holds: boolean, otherwise: string])[]): string[] =>
  conditions.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
