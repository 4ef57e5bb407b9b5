import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { setGauge } from "../run/metrics.ts";
import { type Audience, withAudience } from "./audience.ts";
import { STREAM_TARGETS, WATCHED } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** So many plans at once, step by step. */
  steps: readonly number[];
  /** How long the plans of a step may take: one that takes longer counts with this. */
  stepMs: number;
  stub: Stub;
}

const baseline: Numbers = {
  users: 1,
  steps: [1, 5, 10, 20, 50],
  stepMs: 60_000,
  slotSeconds: 560,
  stub: { lines: 100, rate: 20 },
};

/** How completion time grows with the number of plans that run at once. */
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
      steps: [1, 4, 16],
      stepMs: 2_500,
      slotSeconds: 11,
      stub: { lines: 16, rate: 40 },
    },
    baseline,
    stress: { ...baseline, steps: [1, 5, 10, 20, 50, 100, 200], slotSeconds: 800 },
    endurance: baseline,
  },
  async run(context) {
    for (const plans of context.numbers.steps) await step(context, plans);
  },
});

/** What became of one plan of a step. */
interface Followed {
  completionMs: number | undefined;
  firstMessageMs: number | undefined;
  due: number;
  delivered: number;
}

async function step(context: UserContext<Numbers>, plans: number): Promise<void> {
  const { stepMs } = context.numbers;
  const startedAt = recorder.now();
  const followed = await Promise.all(Array.from({ length: plans }, () => follow(context)));
  const completed = followed.filter(({ completionMs }) => completionMs !== undefined).length;
  const completionMs = Math.max(...followed.map(({ completionMs }) => completionMs ?? stepMs));
  const tags = { test: context.meter.test, plans: String(plans) };
  setGauge("step_completion_seconds", completionMs / 1_000, tags);
  setGauge("step_completed", completed, tags);
  const firsts = followed.map(({ firstMessageMs }) => firstMessageMs);
  context.meter.add("steps", {
    startedAt,
    endedAt: recorder.now(),
    plans,
    completed,
    completionMs,
    firstMessageMs: firsts.includes(undefined) ? null : Math.max(...firsts.map((ms) => ms ?? 0)),
    due: followed.reduce((sum, { due }) => sum + due, 0),
    delivered: followed.reduce((sum, { delivered }) => sum + delivered, 0),
  });
}

async function follow(context: UserContext<Numbers>): Promise<Followed> {
  const { stub, stepMs } = context.numbers;
  const startedAt = recorder.now();
  let watched: Audience<Numbers> | undefined;
  // Where plans hinder each other, waiting is what is measured here: silence is given the whole step.
  const deadlines: Deadlines = { firstMessageMs: stepMs, silenceMs: stepMs, lifeMs: stepMs };
  await withAudience(context, stub, 1, { deadlines, acceptable: WATCHED }, async (audience) => {
    watched = audience;
    await audience.join(["client 1"]);
  });
  const client = watched?.clients[0];
  const { endedAt, firstMessageAt, outcome } = client?.stream ?? {};
  return {
    completionMs: outcome === "completed" && endedAt !== undefined ? endedAt - startedAt : undefined,
    firstMessageMs: firstMessageAt === undefined ? undefined : firstMessageAt - startedAt,
    due: client?.figures?.counts.due ?? 0,
    delivered: client?.figures?.counts.delivered ?? 0,
  };
}
