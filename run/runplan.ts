import type { Access } from "../client/access.ts";
import type { Health } from "../client/api.ts";
import type { Instance } from "../record/instance.ts";
import type { Beginning } from "../record/record.ts";
import type { Config } from "./config.ts";
import type { LoadTest } from "./loadtest.ts";
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

/** A test's place in the run. */
export interface Slot {
  test: LoadTest;
  arrivalsPerSecond: number | undefined;
  startsAtSecond: number;
  /** Virtual users, over all instances. */
  users: number;
  /** Those of them that this instance has. */
  share: number;
  seconds: number;
}

/** What `setup` found out, and k6 hands to every virtual user, to teardown and to the summary. */
export interface Started extends Beginning {
  health: Health;
  model: string;
  source: Source | null;
}

/** Between the slots of two tests, so that none overlap. */
const SLOT_GAP_SECONDS = 0.5;

/** One slot after the other, each as long as its test may take. `shareOf`: how many of so many users are this instance's. */
export function slotsOf(
  tests: readonly LoadTest[],
  { profile }: Config,
  shareOf: (users: number) => number,
): Slot[] {
  let startsAtSecond = 0;
  return tests.map((test) => {
    const { users, slotSeconds: seconds, arrivalsPerSecond } = test.profiles[profile];
    const slot = { test, users, share: shareOf(users), seconds, startsAtSecond, arrivalsPerSecond };
    startsAtSecond += seconds + SLOT_GAP_SECONDS;
    return slot;
  });
}
