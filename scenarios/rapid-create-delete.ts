import { isAbsent } from "../client/api.ts";
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
  userSeconds: 150,
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
      users: 6,
      atOnce: 3,
      deleteWithinMs: 1_200,
      userSeconds: 8,
      stub: { lines: 70, rate: 40 },
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

const STILL_THERE = "a plan was still there after its deletion";

/**
 * After its deletion a plan is gone: one that can still be had counts as an outcome that is not clean. Any other answer, and
 * none, says nothing of it.
 */
export async function expectGone<N extends Shape>(
  { api, meter }: UserContext<N>,
  planId: string,
): Promise<void> {
  const answer = await api.get(planId);
  if (!answer.isAsked) return meter.count("notMade");
  const isGone = isAbsent(answer.status) ? true : answer.status === 200 ? false : undefined;
  const said = answer.status === 0 ? "was not answered" : `answered ${answer.status}`;
  const what = isGone === undefined ? "whether a plan was gone after its deletion is not known" : STILL_THERE;
  meter.expect(isGone, `${what} (GET ${said})`);
}
