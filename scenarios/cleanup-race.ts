import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { loadTest, type Shape } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import { LIFE_TARGETS, longDeadlines, named, shortDeadlines } from "./common.ts";
import type { Stub } from "./plans.ts";
import { expectGone } from "./rapid-create-delete.ts";

interface Numbers extends Shape {
  readers: number;
  /** The deletions of the plans are spread evenly over this time. */
  sweepMs: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 6,
  readers: 1,
  sweepMs: 30_000,
  userSeconds: 150,
  stub: { lines: 600, rate: 20 },
  deadlines: longDeadlines(40_000),
};

/** Plans are deleted while they are read, at moments swept over the stream's life: every reader is told. */
export const cleanupRace = loadTest<Numbers>({
  name: "cleanup-race",
  title: "Plans deleted while they are read",
  plan: ["3.2"],
  group: "race_conditions",
  targets: LIFE_TARGETS,
  streamsEach: ({ readers }) => readers,
  profiles: {
    smoke: {
      users: 6,
      atOnce: 3,
      readers: 1,
      sweepMs: 1_200,
      userSeconds: 8,
      stub: { lines: 70, rate: 40 },
      deadlines: shortDeadlines(4_000),
    },
    baseline,
    stress: { ...baseline, users: 60, readers: 5 },
    endurance: baseline,
  },
  run(context) {
    const { deadlines, stub, readers, sweepMs, users } = context.numbers;
    // The end of each plan's share of the sweep: with six plans and 30 s the first is deleted at 5 s, as in the test plan.
    const moment = (sweepMs * (context.user + 1)) / users;
    const options = { deadlines, acceptable: ["deleted", "completed"] } as const;
    return withAudience(context, stub, options, async (audience) => {
      const createdAt = recorder.now();
      await audience.join(named("reader", readers));
      await sleep(Math.max(0, createdAt + moment - recorder.now()));
      await audience.deletePlan();
      await expectGone(context, audience.planId);
    });
  },
});
