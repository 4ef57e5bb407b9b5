import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { setGauge } from "../run/metrics.ts";
import { type Client, withAudience } from "./audience.ts";
import { STREAM_TARGETS, WATCHED } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** So many plans at once, step by step, up to the first step in which not all are completed. */
  steps: readonly number[];
  /** How long a plan may take, from the answer to its creation: one that takes longer counts with this. */
  stepMs: number;
  /** After so long a silence the server is asked how the plan stands. */
  silenceMs: number;
  stub: Stub;
}

const baseline: Numbers = {
  users: 1,
  steps: [1, 5, 10, 20, 50],
  stepMs: 60_000,
  silenceMs: 15_000,
  userSeconds: 560,
  stub: { lines: 100, rate: 20 },
};

/** How completion time grows with the number of plans that run at once, and at how many a server breaks down. */
export const planScaling = loadTest<Numbers>({
  name: "plan-scaling",
  title: "Plans at once, step by step",
  plan: ["4.3"],
  group: "performance",
  targets: [...STREAM_TARGETS, "scaling"],
  streamsEach: ({ steps }) => Math.max(...steps),
  profiles: {
    smoke: {
      users: 1,
      steps: [1, 5, 10, 20],
      stepMs: 8_000,
      silenceMs: 3_000,
      userSeconds: 50,
      stub: { lines: 24, rate: 20 },
    },
    baseline,
    stress: { ...baseline, steps: [1, 5, 10, 20, 50, 100, 200], userSeconds: 800 },
    endurance: baseline,
  },
  async run(context) {
    for (const plans of context.numbers.steps) {
      if (!(await step(context, plans))) return;
    }
  },
});

/** What became of one plan of a step. */
interface Followed {
  /** Whether it was completed; undefined where the server did not tell. */
  isCompleted: boolean | undefined;
  /** From the request to create it; undefined where its end was not seen. */
  completionMs?: number | undefined;
  firstMessageMs?: number | undefined;
  due: number;
  delivered: number;
}

/** Plays a step. Resolves to whether all of its plans were completed: where not, the cliff is found. */
async function step(context: UserContext<Numbers>, plans: number): Promise<boolean> {
  const { stepMs } = context.numbers;
  const startedAt = recorder.now();
  const followed = await Promise.all(Array.from({ length: plans }, () => follow(context)));
  const completed = followed.filter(({ isCompleted }) => isCompleted).length;
  const unknown = followed.filter(({ isCompleted }) => isCompleted === undefined).length;
  const seen = followed.flatMap(({ completionMs }) => completionMs ?? []);
  // Where no stream told the end of its plan, all that is known is that it came by now.
  const latest = seen.length > 0 ? Math.max(...seen) : recorder.now() - startedAt;
  const completionMs = completed < plans ? Math.max(stepMs, latest) : latest;
  const tags = { test: context.meter.test, plans: String(plans) };
  setGauge("step_completion_seconds", completionMs / 1_000, tags);
  setGauge("step_completed", completed, tags);
  const firsts = followed.map(({ firstMessageMs }) => firstMessageMs);
  context.meter.add("steps", {
    startedAt,
    endedAt: recorder.now(),
    plans,
    completed,
    unknown,
    completionMs,
    firstMessageMs: firsts.includes(undefined) ? null : Math.max(...firsts.map((ms) => ms ?? 0)),
    due: followed.reduce((sum, { due }) => sum + due, 0),
    delivered: followed.reduce((sum, { delivered }) => sum + delivered, 0),
  });
  return completed === plans;
}

/**
 * Follows a plan to its end. It is the server's word on the plan that counts, and not its stream's end: a stream that was
 * orphaned, or came after the plan was over, is judged as a stream.
 */
async function follow(context: UserContext<Numbers>): Promise<Followed> {
  const { stub, stepMs, silenceMs } = context.numbers;
  const startedAt = recorder.now();
  let client: Client | undefined;
  let isCompleted: boolean | undefined;
  const deadlines: Deadlines = { firstMessageMs: silenceMs, silenceMs, lifeMs: stepMs };
  const creation = await withAudience(context, stub, { deadlines, acceptable: WATCHED }, async (audience) => {
    [client] = await audience.join(["client 1"]);
    const outcome = await client?.stream.ended;
    isCompleted = outcome === "completed" || (await audience.isCompleted(startedAt + stepMs));
  });
  if (client === undefined) {
    return { isCompleted: creation === "refused" ? false : undefined, due: 0, delivered: 0 };
  }
  const { firstMessageAt, endedAt, outcome } = client.stream;
  return {
    isCompleted,
    completionMs: outcome === "completed" && endedAt !== undefined ? endedAt - startedAt : undefined,
    firstMessageMs: firstMessageAt === undefined ? undefined : firstMessageAt - startedAt,
    due: client.figures?.counts.due ?? 0,
    delivered: client.figures?.counts.delivered ?? 0,
  };
}
