import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import { longDeadlines, STREAM_TARGETS, shortDeadlines } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** When a client breaks off its stream. */
  breakAfterMs: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 6,
  atOnce: 2,
  breakAfterMs: 5_000,
  userSeconds: 120,
  stub: { lines: 200, rate: 20 },
  deadlines: longDeadlines(40_000),
};

/** Runs that break off still deliver their report: the pipeline fails, or the stream breaks in the middle. */
export const fallbackReport = loadTest<Numbers>({
  name: "fallback-report",
  title: "Reports of runs that break off",
  plan: ["Status update"],
  group: "reconnection",
  targets: [...STREAM_TARGETS, "fallback-report"],
  streamsEach: () => 1,
  profiles: {
    smoke: {
      users: 4,
      atOnce: 2,
      breakAfterMs: 700,
      userSeconds: 10,
      stub: { lines: 60, rate: 40 },
      deadlines: shortDeadlines(4_000),
    },
    baseline,
    stress: { ...baseline, users: 40, atOnce: 40 },
    endurance: baseline,
  },
  run: (context) => (context.user % 2 === 0 ? pipelineFails(context) : streamBreaks(context)),
});

/**
 * The plan's stream ends with its failure or its fallback, and the audience asks for the report. Where the plan's process
 * died without a word, the plan is running for ever: its stream is closed by the test, and the report is owed as well.
 */
function pipelineFails(context: UserContext<Numbers>): Promise<unknown> {
  const { deadlines, stub } = context.numbers;
  const options = { deadlines, acceptable: ["failed", "fallback"] } as const;
  return withAudience(context, { ...stub, exit: 1 }, options, async (audience) => {
    const [client] = await audience.join(["client of a plan that fails"]);
    if ((await client?.stream.ended) !== "closed") return;
    await audience.askForReport("the pipeline never ended", recorder.now());
  });
}

/** The client's connection breaks in the middle of the plan; its report must be had when the plan is over at the latest. */
function streamBreaks(context: UserContext<Numbers>): Promise<unknown> {
  const { deadlines, stub, breakAfterMs } = context.numbers;
  const options = { deadlines, acceptable: ["closed", "completed"] } as const;
  return withAudience(context, stub, options, async (audience) => {
    await audience.join(["client that breaks off"]);
    await sleep(breakAfterMs);
    await audience.leaveAll();
    await audience.askForReport("the client broke off", recorder.now());
  });
}
