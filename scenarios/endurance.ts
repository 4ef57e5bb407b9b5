import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { deleteWhenOver } from "../run/cleanup.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { sampleUntil } from "../run/server-sample.ts";
import { PHASES } from "../thresholds/endurance.ts";
import { type Audience, withAudience } from "./audience.ts";
import { named, STREAM_TARGETS, WATCHED } from "./common.ts";
import { createPlan } from "./plans.ts";

interface Numbers extends Shape {
  clients: number;
  /** Log lines a second of each plan. */
  rate: number;
  /** Length of the phases, in seconds. */
  warmUp: number;
  rest: number;
  load: number;
  idle: number;
  /** A client of each plan leaves and returns every so many seconds. */
  comeAndGo: number;
  /** A plan is followed for at most so many seconds; then the next is created. */
  planSeconds: number;
  sampleMs: number;
}

/** Streams open without a message in the idle phase. */
const IDLE_STREAMS = 10;

const twoHours: Numbers = {
  users: 2,
  clients: 4,
  rate: 4,
  warmUp: 300,
  rest: 60,
  load: 7_200,
  idle: 120,
  comeAndGo: 30,
  planSeconds: 600,
  sampleMs: 10_000,
  userSeconds: 7_860,
};

/**
 * Streams held for hours while clients and plans come and go: server memory, threads and open files before, during and
 * after, and its processor time with idle streams.
 */
export const endurance = loadTest<Numbers>({
  name: "endurance",
  title: "Hours of streams",
  plan: ["4.2", "Status update"],
  group: "performance",
  onlyInSuiteOf: "endurance",
  samplesServerItself: true,
  targets: [...STREAM_TARGETS, "memory-stability", "cpu-efficiency", "resource-stability"],
  streamsEach: ({ clients }) => Math.max(clients, IDLE_STREAMS),
  profiles: {
    smoke: {
      ...twoHours,
      rate: 10,
      warmUp: 6,
      rest: 5,
      load: 25,
      idle: 8,
      comeAndGo: 5,
      planSeconds: 10,
      sampleMs: 1_000,
      userSeconds: 75,
    },
    baseline: { ...twoHours, load: 1_800, userSeconds: 2_460 },
    stress: { ...twoHours, load: 1_800, userSeconds: 2_460, users: 25, clients: 20 },
    endurance: twoHours,
  },
  async run(context) {
    const moments = momentsOf(context.numbers, context.beganAt);
    if (context.user === 0) await Promise.all([sampleAll(context, moments), watch(context, moments)]);
    else await watch(context, moments);
  },
});

/** When each phase ends, in milliseconds since the epoch. */
type Moments = Record<keyof typeof PHASES, number>;

/** Between two phases, so that what was closed is gone before the next one is measured. */
const SETTLE_SECONDS = 8;

function momentsOf({ warmUp, rest, load, idle }: Numbers, start: number): Moments {
  const warmUpEnd = start + warmUp * 1_000;
  const restBefore = warmUpEnd + (SETTLE_SECONDS + rest) * 1_000;
  const loadEnd = restBefore + load * 1_000;
  const restAfter = loadEnd + (SETTLE_SECONDS + rest) * 1_000;
  return { warmUp: warmUpEnd, restBefore, load: loadEnd, restAfter, idle: restAfter + idle * 1_000 };
}

const until = (moment: number): Promise<void> => sleep(Math.max(0, moment - recorder.now()));

/** One plan after the other in the phases with load; idle streams in the last one. */
async function watch(context: UserContext<Numbers>, moments: Moments): Promise<void> {
  await watchUntil(context, moments.warmUp);
  await until(moments.restBefore);
  await watchUntil(context, moments.load);
  await until(moments.restAfter);
  if (context.user === 0) await holdIdle(context, moments.idle);
}

async function watchUntil(context: UserContext<Numbers>, moment: number): Promise<void> {
  while (recorder.now() < moment - 1_000) {
    const endsAt = Math.min(moment, recorder.now() + context.numbers.planSeconds * 1_000);
    await watchOne(context, endsAt);
  }
}

async function watchOne(context: UserContext<Numbers>, endsAt: number): Promise<void> {
  const { clients, rate } = context.numbers;
  const seconds = (endsAt - recorder.now()) / 1_000;
  const stub = { lines: Math.ceil(rate * (seconds + 5)), rate };
  const options = { deadlines: deadlinesOf(seconds), acceptable: WATCHED };
  await withAudience(context, stub, options, async (audience) => {
    await audience.join(named("client", clients));
    await comeAndGo(context, audience, endsAt);
    await audience.leaveAll();
  });
}

/** How long the pipeline of a plan that nobody watches may take. */
const UNWATCHED_MS = 5_000;

/** A plan that nobody watches, to its end: what it leaves behind shows in memory. */
async function unwatched(context: UserContext<Numbers>): Promise<void> {
  const { body: plan } = await createPlan(context, { lines: 20, rate: 100 });
  if (plan !== undefined) await deleteWhenOver(context.api, plan.plan_id, UNWATCHED_MS);
}

/** A client leaves and returns, and a plan goes by that nobody watches, again and again, until `endsAt`. */
async function comeAndGo(
  context: UserContext<Numbers>,
  audience: Audience<Numbers>,
  endsAt: number,
): Promise<void> {
  const pause = context.numbers.comeAndGo * 1_000;
  for (let turn = 0; recorder.now() + pause < endsAt; turn++) {
    await sleep(pause);
    await unwatched(context);
    const present = audience.clients.filter(({ stream }) => stream.outcome === undefined);
    const leaver = present[turn % Math.max(1, present.length)];
    if (leaver === undefined) return;
    await audience.leave(leaver);
    await audience.rejoin(leaver);
  }
  await until(endsAt);
}

/** Streams of a plan that says nothing more: they cost what a stream costs. */
async function holdIdle(context: UserContext<Numbers>, endsAt: number): Promise<void> {
  const seconds = (endsAt - recorder.now()) / 1_000;
  const stub = { lines: 2, rate: 1 / (seconds + 60) };
  const lifeMs = (seconds + 30) * 1_000;
  const deadlines = { firstMessageMs: lifeMs, silenceMs: lifeMs, lifeMs };
  const options = { deadlines, acceptable: WATCHED, expectsNothing: true };
  await withAudience(context, stub, options, async (audience) => {
    await audience.join(named("idle client", IDLE_STREAMS));
    await until(endsAt);
    await audience.leaveAll();
  });
}

function deadlinesOf(seconds: number): Deadlines {
  const lifeMs = (seconds + 30) * 1_000;
  return { firstMessageMs: Math.min(lifeMs, 15_000), silenceMs: 15_000, lifeMs };
}

/** Looks at the server's process through all phases; what is measured begins when what was closed is gone. */
async function sampleAll(context: UserContext<Numbers>, moments: Moments): Promise<void> {
  await sampleTo(context, moments.warmUp, PHASES.warmUp, 0);
  await sampleTo(context, moments.restBefore, PHASES.restBefore, SETTLE_SECONDS);
  await sampleTo(context, moments.load, PHASES.load, 0);
  await sampleTo(context, moments.restAfter, PHASES.restAfter, SETTLE_SECONDS);
  await sampleTo(context, moments.idle, PHASES.idle, 2);
}

async function sampleTo(
  { source, api, meter, numbers }: UserContext<Numbers>,
  moment: number,
  phase: string,
  settle: number,
): Promise<void> {
  await sleep(settle * 1_000);
  const isOver = () => recorder.now() > moment - 500;
  // Without a source a sample still tells k6's own memory, and that the server tells nothing.
  const everyMs = Math.min(numbers.sampleMs, (moment - recorder.now()) / 5);
  const span = { isOver, over: until(moment - 500) };
  await sampleUntil(span, everyMs, source, api.access, meter, phase);
}
