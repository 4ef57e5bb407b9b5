import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../cli/servers.ts";
import type { RunRecord, Transport, Verdict } from "../record/record.ts";
import type { Profile } from "../run/settings.ts";
import type { TestName } from "../scenarios/names.ts";
import type { ByTest, Expectation, ExpectedVerdicts } from "./fault-matrix.ts";
import { countsOf, type Finished, k6, onlyRecord } from "./harness.ts";

/** A run of the suite against a reference server of its own. */
export interface Play {
  transport: Transport;
  /** The tests of the suite; all when not given. */
  tests?: readonly TestName[];
  profile?: Profile;
  serverArgs?: readonly string[];
  /** Settings beside those that follow from the others. */
  settings?: Record<string, string>;
}

export interface Played extends Finished {
  record: RunRecord;
  /** What the server counted, after the run. */
  counts: Awaited<ReturnType<typeof countsOf>>;
}

/**
 * Plays a run; once more where the instrument says of itself that it could not keep up: that is no verdict on the
 * server, but on the machine and what else ran on it.
 */
export async function play(run: Play): Promise<Played> {
  const played = await playOnce(run);
  return isOverloaded(played.record) ? playOnce(run) : played;
}

/** Whether the instrument says of itself that it could not keep up. */
export const isOverloaded = ({ tests }: RunRecord): boolean =>
  tests.some(({ targets }) => targets.some(({ reason }) => reason.includes("generator overloaded")));

/** Starts the server, runs the suite over it, and stops it. */
export async function playOnce({
  transport,
  tests = [],
  profile = "smoke",
  serverArgs = [],
  settings: others = {},
}: Play): Promise<Played> {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const server = await startServer(serverArgs);
  try {
    const settings = {
      BASE_URL: server.url,
      TRANSPORT: transport,
      PROFILE: profile,
      OUT_DIR: directory,
      ONLY: tests.join(","),
      ...others,
    };
    const finished = await k6("suite", settings).finished;
    return { ...finished, record: onlyRecord(directory), counts: await countsOf(server) };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** How long a server may take to recover that never does. */
const NEVER_SECONDS = "5";

/** A fault against the tests that can see it, and against the plainest of all where they are not told apart. */
export const playFault = ({
  fault,
  transport,
  tests,
  profile = "smoke",
  byTest,
}: Expectation): Promise<Played> =>
  play({
    transport,
    tests: byTest === undefined ? ["basic-connection", ...tests] : tests,
    profile,
    serverArgs: fault.split(" ").flatMap((one) => ["--fault", one]),
    settings:
      byTest === undefined ? {} : { RECOVERY_SECONDS: byTest["fallback-report"] ? NEVER_SECONDS : "60" },
  });

/** What a run under a fault shows that the fault does not explain, in words. */
export const deviationsOf = (record: RunRecord, expectation: Expectation): string[] =>
  expectation.byTest === undefined
    ? deviations(record, expectation)
    : deviationsByTest(record, expectation.byTest);

/** What each test of a run shows that is not as expected of it, in words; none when all is. */
export const deviationsByTest = ({ tests }: RunRecord, expected: ByTest): string[] =>
  tests.flatMap(({ name, targets }) =>
    deviations({ targets }, expected[name as keyof ByTest] ?? { missed: [] }).map(
      (text) => `${name}: ${text}`,
    ),
  );

/** The verdicts that a target may have under a fault. "Met" is no "no data", and no "not measured" unless it says so. */
export function allowed(
  id: string,
  { missed, either = [], notMeasured = [], noData = [] }: ExpectedVerdicts,
): Verdict[] {
  const lists: [readonly string[], Verdict[]][] = [
    [either, ["met", "at the edge", "missed"]],
    [missed, ["missed"]],
    [notMeasured, ["not measured"]],
    [noData, ["no data"]],
  ];
  const verdicts = lists.flatMap(([ids, these]) => (ids.includes(id) ? these : []));
  return verdicts.length > 0 ? verdicts : ["met"];
}

/** What a run shows that what is wrong with its server does not explain, in words; none when all is as expected. */
export function deviations({ targets }: Pick<RunRecord, "targets">, expectation: ExpectedVerdicts): string[] {
  const wrong = targets.filter(({ id, verdict }) => !allowed(id, expectation).includes(verdict));
  const absent = expectation.missed.filter((id) => !targets.some((judged) => judged.id === id));
  return [
    ...wrong.map(
      (one) =>
        `${one.id} is ${one.verdict} (${one.reason}), expected ${allowed(one.id, expectation).join(" or ")}`,
    ),
    ...absent.map((id) => `${id} was not judged`),
  ];
}
