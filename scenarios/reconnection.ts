import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { sample } from "../run/metrics.ts";
import { type Audience, type AudienceOptions, type Client, withAudience } from "./audience.ts";
import { longDeadlines, named, STREAM_TARGETS, shortDeadlines, WATCHED } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  /** Clients that leave and return; one more stays and sees what they miss. */
  leavers: number;
  /** When the leavers' connections are dropped, and for how long they are away. */
  dropAfterMs: number;
  awayMs: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 5,
  atOnce: 2,
  leavers: 2,
  dropAfterMs: 10_000,
  awayMs: 5_000,
  userSeconds: 90,
  stub: { lines: 800, rate: 20 },
  deadlines: longDeadlines(55_000),
};

/** Clients are dropped in the middle of a plan and come back: messages flow again, and what was missed is counted. */
export const reconnection = loadTest<Numbers>({
  name: "reconnection",
  title: "Connection dropped, and back again",
  plan: ["2.2"],
  group: "reconnection",
  targets: [...STREAM_TARGETS, "reconnection-success", "reconnection-loss"],
  streamsEach: ({ leavers }) => leavers + 1,
  profiles: {
    // Four plans are the fewest by which a comparison can tell two sides apart.
    smoke: {
      users: 4,
      atOnce: 2,
      leavers: 1,
      dropAfterMs: 1_000,
      awayMs: 700,
      userSeconds: 12,
      stub: { lines: 110, rate: 40 },
      deadlines: shortDeadlines(6_000),
    },
    baseline,
    stress: { ...baseline, users: 25, atOnce: 25, leavers: 9 },
    endurance: baseline,
  },
  run(context) {
    const { leavers, dropAfterMs, deadlines, stub } = context.numbers;
    const names = ["witness", ...named("leaver", leavers)];
    const options: AudienceOptions = { deadlines, acceptable: WATCHED };
    return withAudience(context, stub, options, async (audience) => {
      const [, ...clients] = await audience.join(names);
      await sleep(dropAfterMs);
      await leaveAndReturn(context, audience, clients);
    });
  },
});

async function leaveAndReturn(
  context: UserContext<Numbers>,
  audience: Audience<Numbers>,
  leavers: readonly Client[],
): Promise<void> {
  const present = leavers.filter(({ stream }) => stream.outcome === undefined);
  await Promise.all(present.map((client) => audience.leave(client)));
  const linesAtDrop = await audience.logLines();
  await sleep(context.numbers.awayMs);
  const linesAtReturn = await audience.logLines();
  if (present.length < leavers.length) {
    context.meter.add("findings", {
      text: `${leavers.length - present.length} of ${leavers.length} streams had ended before the drop: no return to judge`,
    });
  }
  const state = await audience.state();
  if (state === "unknown") {
    audience.count("returnsUnknown", present.length);
    context.meter.add("findings", {
      text: "whether the plan still ran at the return is not known: GET /api/plans/{id} did not tell",
    });
    return;
  }
  if (state !== "running") {
    context.meter.add("findings", { text: "the plan was over at the return: nothing to judge" });
    return;
  }
  const gapByLog = Math.max(0, (linesAtReturn ?? 0) - (linesAtDrop ?? 0));
  await Promise.all(present.map((client) => returnOf(client, audience, gapByLog)));
}

/** `gapByLog`: how many messages the plan's own log gained within the gap, whoever received them. */
async function returnOf(left: Client, audience: Audience<Numbers>, gapByLog: number): Promise<void> {
  const { stream, account } = await audience.rejoin(left);
  account.missedByLog(gapByLog);
  const isUsable = await stream.usable;
  if (!isUsable && stream.isUnknown) audience.count("returnsUnknown");
  if (!isUsable && (stream.outcome === "interrupted" || stream.outcome === "closed")) return;
  audience.count("returns");
  audience.count("returned", isUsable ? 1 : 0);
  sample("reconnection-success", isUsable ? 1 : 0);
}
