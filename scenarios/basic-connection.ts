import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import type { Outcome } from "../record/record.ts";
import { deletePlan, deleteWhenOver } from "../run/cleanup.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { Audience, withAudience } from "./audience.ts";
import { longDeadlines, STREAM_TARGETS, shortDeadlines, WATCHED } from "./common.ts";
import { createPlan, type Stub } from "./plans.ts";

interface Numbers extends Shape {
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 5,
  atOnce: 1,
  userSeconds: 90,
  stub: { lines: 200, rate: 20 },
  deadlines: longDeadlines(50_000),
};

const POLL_READY_MS = 100;
/** The pipeline of a plan that is only there to be deleted: one that went on would be a load of its own. */
const OVER_AT_ONCE: Stub = { lines: 1, rate: 100 };
/** Outcomes by which a client learns that there is no stream to be had. */
const TOLD: readonly Outcome[] = ["refused", "completed", "failed", "fallback", "deleted"];

/**
 * One client and one plan: a usable stream right after creation, readiness by polling, log messages in real time and
 * all of them, clients of absent plans told so, and every HTTP call of a plan's life.
 */
export const basicConnection = loadTest<Numbers>({
  name: "basic-connection",
  title: "One client, one plan",
  plan: ["1.1", "1.2", "1.3"],
  group: "basic_connection",
  targets: STREAM_TARGETS,
  // Its own, and of the first those of three plans that have none.
  streamsEach: () => 4,
  profiles: {
    smoke: {
      users: 3,
      atOnce: 1,
      userSeconds: 12,
      stub: { lines: 60, rate: 40 },
      deadlines: shortDeadlines(5_000),
    },
    baseline,
    stress: { ...baseline, users: 50, atOnce: 50 },
    endurance: baseline,
  },
  async run(context) {
    const { deadlines, stub } = context.numbers;
    // Of the same server the first plan's answers tell as much as all: each stream is a load of its own.
    const isFirst = context.user === 0;
    const absent = isFirst ? [unknownPlan(context), unstartedPlan(context), deletedPlan(context)] : [];
    await withAudience(context, stub, { deadlines, acceptable: WATCHED }, async (audience) => {
      const createdAt = recorder.now();
      const [[client]] = await Promise.all([
        audience.join(["client 1"]),
        pollReady(context, audience.planId, createdAt),
      ]);
      const outcome = await client?.stream.ended;
      await planLife(context, audience.planId, outcome === "completed");
      if (isFirst && outcome === "completed") await expectTold(context, audience.planId, "finished");
    });
    await Promise.all(absent);
  },
});

/** Test 1.2: the frontend's polling of stream-status, with the time it took. */
async function pollReady(
  { api, meter, numbers }: UserContext<Numbers>,
  planId: string,
  createdAt: number,
): Promise<void> {
  const within = `within ${numbers.deadlines.firstMessageMs} ms`;
  let hasAnswered = false;
  while (recorder.now() - createdAt < numbers.deadlines.firstMessageMs) {
    const { body, status } = await api.streamStatus(planId);
    hasAnswered ||= status > 0;
    if (body?.ready) {
      meter.expect(true, "");
      meter.time("time-to-ready", recorder.now() - createdAt);
      return;
    }
    await sleep(POLL_READY_MS);
  }
  if (hasAnswered) meter.expect(false, `stream-status was not ready ${within}`);
  else
    meter.expect(
      undefined,
      `whether a stream was ready is not known: stream-status did not answer ${within}`,
    );
}

async function unknownPlan(context: UserContext<Numbers>): Promise<void> {
  await expectTold(context, `PlanExe_00000000-0000-4000-8000-00000000000${context.user % 10}`, "unknown");
}

/** A plan created without a model fails at once: its process never starts. */
async function unstartedPlan(context: UserContext<Numbers>): Promise<void> {
  const { body: plan } = await createPlan(context, context.numbers.stub, false);
  if (plan === undefined) return;
  await expectTold(context, plan.plan_id, "never started");
  await deletePlan(context.api, plan.plan_id);
}

async function deletedPlan(context: UserContext<Numbers>): Promise<void> {
  const { body: plan } = await createPlan(context, OVER_AT_ONCE);
  if (plan === undefined) return;
  const isDeleted = await deleteWhenOver(context.api, plan.plan_id, context.numbers.deadlines.firstMessageMs);
  const what =
    isDeleted === undefined ? "whether a plan was deleted is not known" : "a plan could not be deleted";
  context.meter.expect(isDeleted, what);
  if (isDeleted) await expectTold(context, plan.plan_id, "deleted");
}

/** A client of a plan that has no stream is told so before the deadline; silence is what must not be. */
async function expectTold(context: UserContext<Numbers>, planId: string, kind: string): Promise<void> {
  const { deadlines } = context.numbers;
  const watch = new Audience(context, planId, { deadlines, acceptable: TOLD, expectsNothing: true });
  await watch.join([`client of a plan ${kind}`]);
  await watch.finish();
}

/**
 * The calls of a plan's life over HTTP. What the API promises and does not keep is a finding; of a call without an answer it
 * is not known. Answers 5xx are judged wherever they come.
 */
async function planLife(
  { api, meter }: UserContext<Numbers>,
  planId: string,
  isCompleted: boolean,
): Promise<void> {
  const calls = [
    await api.models(),
    await api.list(),
    await api.get(planId),
    await api.details(planId),
    await api.files(planId),
    await api.report(planId),
  ];
  for (const { call, status, body, text, isAsked } of calls) {
    const isOwed = isCompleted || !call.endsWith("/report");
    if (!isAsked) meter.count("notMade");
    else if (status === 0 && !recorder.signalled())
      meter.expect(undefined, `${call} was not answered: ${text}`);
    else if (status > 0 && status < 500 && body === undefined && isOwed) {
      const instead = status === 200 ? "something else than the API promises" : String(status);
      meter.add("findings", { text: `${call} answered ${instead}` });
    }
  }
}
