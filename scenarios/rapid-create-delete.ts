import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { seededRandom } from "../record/random.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import { LIFE_TARGETS, longDeadlines, shortDeadlines } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** Each plan is deleted at a random moment up to this. */
  deleteWithinMs: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 10,
  deleteWithinMs: 30_000,
  slotSeconds: 150,
  stub: { lines: 800, rate: 20 },
  deadlines: longDeadlines(40_000),
};

/** Plans are created as fast as possible, watched at once, and deleted at random moments. */
export const rapidCreateDelete = loadTest<Numbers>({
  name: "rapid-create-delete",
  title: "Plans created and deleted rapidly",
  plan: ["2.3"],
  group: "race_conditions",
  targets: LIFE_TARGETS,
  streamsEach: () => 1,
  profiles: {
    smoke: {
      users: 10,
      deleteWithinMs: 1_500,
      slotSeconds: 6.5,
      stub: { lines: 120, rate: 40 },
      deadlines: shortDeadlines(4_000),
    },
    baseline,
    stress: { ...baseline, users: 100 },
    endurance: baseline,
  },
  run(context) {
    const { deadlines, stub, deleteWithinMs } = context.numbers;
    const moment = deleteWithinMs * seededRandom(context.config.seed * 1_000 + context.user)();
    return withAudience(
      context,
      stub,
      1,
      { deadlines, acceptable: ["deleted", "completed"] },
      async (audience) => {
        const createdAt = recorder.now();
        await audience.join(["client 1"]);
        await sleep(Math.max(0, createdAt + moment - recorder.now()));
        await audience.deletePlan();
        await expectGone(context, audience.planId);
      },
    );
  },
});

/** After its deletion a plan is gone: one that can still be had counts as an outcome that is not clean. */
export async function expectGone<N extends Shape>(
  { api, meter }: UserContext<N>,
  planId: string,
): Promise<void> {
  const { status } = await api.get(planId);
  meter.expect(status === 404, `a plan was still there after its deletion (GET answered ${status})`);
}
