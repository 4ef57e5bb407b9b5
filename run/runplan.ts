import type { Access } from "../client/access.ts";
import type { Health } from "../client/api.ts";
import type { Instance } from "../record/instance.ts";
import type { Beginning } from "../record/record.ts";
import type { Config } from "./config.ts";
import { type LoadTest, longestSeconds } from "./loadtest.ts";
import type { Source } from "./server-sample.ts";

/** A run as it is planned before it starts. */
export interface RunPlan {
  /** The script's name. */
  name: string;
  config: Config;
  access: Access;
  runId: string;
  /** Which part of the run this process has; a whole run is 1 of 1. */
  instance: Instance;
  /** Where the run's files are written; those of an instance in a directory of its own within the run's. */
  directory: string;
  slots: readonly Slot[];
}

/** A test's place in the run. Times are seconds since the beginning of the load. */
export interface Slot {
  test: LoadTest;
  /** Virtual users, over all instances. */
  users: number;
  /** Those of them that this instance has. */
  share: number;
  /** The longest time that the test may take. */
  seconds: number;
  /** When the test begins on every instance of a shared run, whose instances have no other way to keep together. */
  scheduledAt: number;
  /** When k6 ends it at the latest, were every test before it to take its longest, and the server as long to recover. */
  cutAt: number;
}

/** What `setup` found out, and k6 hands to every virtual user, to teardown and to the summary. */
export interface Started extends Beginning {
  health: Health;
  model: string;
  source: Source | null;
  /** Whether it has a fallback report, as far as it has told. */
  hasFallback: boolean;
}

/** In the schedule of a shared run: for the last requests of a test, and for a server that is well to show it. */
const PAUSE_SECONDS = 3;
/** What k6 needs to begin, beside the times of the tests: its cut is a net, and the tests show it unused. */
const SPARE_SECONDS = 10;

/** The places of tests that follow one another. `shareOf`: how many of so many users are this instance's. */
export function slotsOf(
  tests: readonly LoadTest[],
  { profile, recoverySeconds }: Config,
  shareOf: (users: number) => number,
): Slot[] {
  let [scheduledAt, longest] = [0, 0];
  return tests.map((test) => {
    const { users } = test.profiles[profile];
    const seconds = longestSeconds(test.profiles[profile]);
    const slot = { test, users, share: shareOf(users), seconds, scheduledAt };
    scheduledAt += seconds + PAUSE_SECONDS;
    // The server's recovery, and after a restart another.
    longest += seconds + PAUSE_SECONDS + 2 * recoverySeconds;
    return { ...slot, cutAt: Math.ceil(longest + SPARE_SECONDS) };
  });
}
