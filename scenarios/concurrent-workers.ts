import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import { LIFE_TARGETS, longDeadlines, shortDeadlines } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** Plans that each worker makes, one after the other. */
  plansEach: number;
  /** For how long each stream is held. */
  holdMs: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 10,
  plansEach: 100,
  holdMs: 1_000,
  userSeconds: 360,
  stub: { lines: 100, rate: 20 },
  deadlines: longDeadlines(40_000),
};

/**
 * Workers that create plan after plan and open a stream on each at once, for a second. No plan is deleted before the test is
 * over, as the test plan has it.
 */
export const concurrentWorkers = loadTest<Numbers>({
  name: "concurrent-workers",
  title: "Workers that create and watch plan after plan",
  plan: ["3.1"],
  group: "race_conditions",
  targets: LIFE_TARGETS,
  streamsEach: () => 1,
  profiles: {
    // The smaller thing: three workers with four plans each, whose pipelines are short, so that few run at once.
    smoke: {
      users: 3,
      plansEach: 4,
      holdMs: 1_000,
      userSeconds: 14,
      stub: { lines: 8, rate: 40 },
      deadlines: shortDeadlines(4_000),
    },
    baseline,
    stress: { ...baseline, users: 1_200, plansEach: 1, arrivalsPerSecond: 20, userSeconds: 70 },
    endurance: baseline,
  },
  async run(context) {
    for (let i = 0; i < context.numbers.plansEach; i++) await onePlan(context);
  },
});

function onePlan(context: UserContext<Numbers>): Promise<unknown> {
  const { deadlines, stub, holdMs } = context.numbers;
  const options = { deadlines, acceptable: ["closed", "completed"], keepsPlan: true } as const;
  return withAudience(context, stub, options, async (audience) => {
    const [client] = await audience.join(["client 1"]);
    await Promise.race([client?.stream.ended, sleep(holdMs)]);
    await audience.leaveAll();
  });
}
