import type { PlanApi } from "../client/api.ts";
import type { Connect } from "../client/wire.ts";
import type { TargetId } from "../thresholds/targets.ts";
import type { Config } from "./config.ts";
import type { Meter } from "./meter.ts";
import type { Source } from "./server-sample.ts";
import type { Profile } from "./settings.ts";

/** The groups in which the test plan's automated suite reports its results. */
export const GROUPS = [
  "basic_connection",
  "multiple_clients",
  "reconnection",
  "race_conditions",
  "performance",
] as const;
export type Group = (typeof GROUPS)[number];

/** How large a test is in a profile. */
export interface Shape {
  /** Virtual users: each is a plan with its audience. */
  users: number;
  /**
   * How many of them play at once, one turn after the other; all when not given. Where a test's subject is one plan, its
   * plans are there for the statistics only, and together they would be another load.
   */
  atOnce?: number;
  /** The longest time that one user may take, its deadlines included. */
  userSeconds: number;
  /** Where users come one after the other at a fixed rate, whatever the server does, in place of all at once. */
  arrivalsPerSecond?: number;
}

/** The longest time that a test of this shape may take. */
export function longestSeconds({ users, atOnce = users, userSeconds, arrivalsPerSecond }: Shape): number {
  if (arrivalsPerSecond !== undefined) return users / arrivalsPerSecond + userSeconds;
  return Math.ceil(users / atOnce) * userSeconds;
}

/** What a virtual user of a test has at hand. */
export interface UserContext<Numbers extends Shape> {
  config: Config;
  numbers: Numbers;
  api: PlanApi;
  connect: Connect;
  meter: Meter;
  /** The model that plans are created with. */
  model: string;
  /** Text that every prompt of this run carries, by which its plans are found again. */
  mark: string;
  /** Number of this virtual user among those of its test, from 0. */
  user: number;
  /** What the server's clock is ahead of this machine's, in milliseconds. */
  clockOffsetMs: number;
  /** The directory of the run's files. */
  directory: string;
  /** Where the server's process is seen; null: nowhere. */
  source: Source | null;
  /** When the user's turn began, in milliseconds since the epoch. */
  beganAt: number;
  /** When the user's time is over, in milliseconds since the epoch. */
  endsAt: number;
  /** Whether the server has a fallback report at all, as far as it has told. */
  hasFallback: boolean;
}

/** A load test: what it covers, what it judges, how large it is, and what one virtual user does. */
export interface LoadTest<Numbers extends Shape = Shape> {
  name: string;
  title: string;
  /** The sections of the test plan. */
  plan: readonly string[];
  group: Group;
  targets: readonly TargetId[];
  /** The most streams that one virtual user holds at once. */
  streamsEach(numbers: Numbers): number;
  /** The only profile in which the suite includes this test without being asked. */
  onlyInSuiteOf?: Profile;
  /** The test looks at the server's process itself; else that is done beside it. */
  samplesServerItself?: boolean;
  profiles: Record<Profile, Numbers>;
  run(context: UserContext<Numbers>): Promise<unknown>;
}

/** Hides the type of a test's numbers, so that tests of all kinds stand in one list. */
export function loadTest<Numbers extends Shape>(test: LoadTest<Numbers>): LoadTest {
  return test as unknown as LoadTest;
}
