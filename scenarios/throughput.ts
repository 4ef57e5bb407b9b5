import exec from "k6/execution";
import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { type Audience, type Client, withAudience } from "./audience.ts";
import { longDeadlines, named, STREAM_TARGETS, shortDeadlines, WATCHED } from "./common.ts";

interface Numbers extends Shape {
  /** Log lines that a pipeline offers in a second: above the target. */
  offeredRate: number;
  /** How long each scene is measured. */
  sceneMs: number;
  deadlines: Deadlines;
}

/** So many clients on one plan, scene after scene, each a virtual user of its own. */
const SCENES = [1, 5] as const;
/** Between two scenes, so that one's tail is not the next one's load. */
const PAUSE_MS = 500;
/** What a scene takes beside its measured time: creation, the first messages, the end. */
const MARGIN_MS = 1_500;

const baseline: Numbers = {
  users: SCENES.length,
  offeredRate: 1_300,
  sceneMs: 60_000,
  slotSeconds: 200,
  deadlines: longDeadlines(90_000),
};

/** Messages per second that one client is given where the pipeline offers more than the target. */
export const throughput = loadTest<Numbers>({
  name: "throughput",
  title: "Messages per second to one client",
  plan: ["4.1"],
  group: "performance",
  targets: [...STREAM_TARGETS, "throughput"],
  profiles: {
    smoke: {
      users: SCENES.length,
      offeredRate: 1_300,
      sceneMs: 1_000,
      slotSeconds: 10,
      deadlines: shortDeadlines(7_000),
    },
    baseline,
    stress: { ...baseline, offeredRate: 5_000 },
    endurance: baseline,
  },
  async run(context) {
    const { sceneMs, offeredRate, deadlines } = context.numbers;
    const clients = SCENES[context.user] ?? 1;
    const startsAt = exec.scenario.startTime + context.user * (sceneMs + MARGIN_MS + PAUSE_MS);
    await sleep(Math.max(0, startsAt - recorder.now()));
    const stub = { lines: Math.ceil((offeredRate * (sceneMs + MARGIN_MS / 2)) / 1_000), rate: offeredRate };
    await withAudience(context, stub, clients, { deadlines, acceptable: WATCHED }, async (audience) => {
      const joined = await audience.join(named("client", clients));
      await Promise.all(joined.map(({ stream }) => stream.usable));
      await measure(context, audience, joined);
      await Promise.race([Promise.all(joined.map(({ stream }) => stream.ended)), sleep(MARGIN_MS)]);
      await audience.leaveAll();
    });
  },
});

/** Counts what each client is given in the scene's time. What was offered is told by the server's own stamps. */
async function measure(
  { meter, numbers }: UserContext<Numbers>,
  audience: Audience<Numbers>,
  clients: readonly Client[],
): Promise<void> {
  const received = () => clients.map(({ account }) => account.figures.counts.received);
  const [startedAt, before] = [recorder.now(), received()];
  await sleep(numbers.sceneMs);
  const seconds = (recorder.now() - startedAt) / 1_000;
  const perSecond = received().map((count, i) => (count - (before[i] ?? 0)) / seconds);
  meter.add("rates", {
    plan: audience.planId,
    clients: clients.length,
    offered: Math.max(...clients.map(offeredTo)),
    delivered: Math.min(...perSecond),
  });
}

/** Messages a second by their stamps: what the pipeline wrote, however late it came. */
function offeredTo({ account }: Client): number {
  const { counts, firstStamp, lastStamp } = account.figures;
  if (firstStamp === null || lastStamp === null || lastStamp <= firstStamp) return 0;
  return (counts.received * 1_000) / (lastStamp - firstStamp);
}
