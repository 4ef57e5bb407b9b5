import { clearInterval, setInterval } from "k6/timers";
import { recorder } from "../client/extension.ts";
import type { Deadlines } from "../client/stream.ts";
import { sleep } from "../client/time.ts";
import { mergeInto, quantile, type SparseHistogram } from "../record/histogram.ts";
import { OUTCOMES, type RateReport } from "../record/record.ts";
import { loadTest, type Shape, type UserContext } from "../run/loadtest.ts";
import { setGauge } from "../run/metrics.ts";
import { Audience, type Client, withAudience } from "./audience.ts";
import { longDeadlines, named, STREAM_TARGETS, shortDeadlines, WATCHED } from "./common.ts";

/** Clients on one plan: a scene is a virtual user of its own, one after the other. */
interface Scene {
  clients: number;
  hasSlowReader: boolean;
}

interface Numbers extends Shape {
  scenes: readonly Scene[];
  /** Log lines that a pipeline offers in a second: above the target. */
  offeredRate: number;
  /** How long each scene is measured. */
  sceneMs: number;
  deadlines: Deadlines;
}

const ALONE: Scene = { clients: 1, hasSlowReader: false };
const AMONG_FIVE: Scene = { clients: 5, hasSlowReader: false };
const BESIDE_SLOW_READER: Scene = { clients: 5, hasSlowReader: true };
const SCENES = [ALONE, AMONG_FIVE, BESIDE_SLOW_READER];
/** A slow reader hurts nobody before the buffers in between are full, for which smoke is too short. */
const SMOKE_SCENES = [ALONE, { clients: 3, hasSlowReader: false }];
/** How often a slow reader takes a message: so rarely that whatever is between it and the server fills up. */
const SLOW_READ_MS = 20;
/** What a scene takes beside its measured time: creation, the first messages, the end. */
const MARGIN_MS = 1_500;
const SHORTEST_SPAN_MS = 500;

const baseline: Numbers = {
  scenes: SCENES,
  users: SCENES.length,
  atOnce: 1,
  offeredRate: 1_300,
  sceneMs: 60_000,
  userSeconds: 100,
  deadlines: longDeadlines(90_000),
};

/** Messages per second that one client is given where the pipeline offers more than the target. */
export const throughput = loadTest<Numbers>({
  name: "throughput",
  title: "Messages per second to one client",
  plan: ["4.1"],
  group: "performance",
  targets: [...STREAM_TARGETS, "throughput"],
  streamsEach: ({ scenes }) =>
    Math.max(...scenes.map(({ clients, hasSlowReader }) => clients + (hasSlowReader ? 1 : 0))),
  profiles: {
    smoke: {
      scenes: SMOKE_SCENES,
      users: SMOKE_SCENES.length,
      atOnce: 1,
      offeredRate: 1_300,
      sceneMs: 1_000,
      userSeconds: 12,
      deadlines: shortDeadlines(9_000),
    },
    baseline,
    stress: { ...baseline, offeredRate: 5_000 },
    endurance: baseline,
  },
  async run(context) {
    const { scenes, sceneMs, offeredRate, deadlines } = context.numbers;
    const { clients, hasSlowReader } = scenes[context.user] ?? ALONE;
    const stub = { lines: Math.ceil((offeredRate * (sceneMs + MARGIN_MS / 2)) / 1_000), rate: offeredRate };
    let watched: Audience<Numbers> | undefined;
    let measured: Measured | undefined;
    await withAudience(context, stub, { deadlines, acceptable: WATCHED }, async (audience) => {
      watched = audience;
      const slow = hasSlowReader ? await joinSlowly(context, audience.planId) : undefined;
      const joined = await audience.join(named("client", clients));
      await Promise.all(joined.map(({ stream }) => stream.usable));
      measured = await measure(sceneMs, joined, slow?.reader);
      await Promise.race([Promise.all(joined.map(({ stream }) => stream.ended)), sleep(MARGIN_MS)]);
      await audience.leaveAll();
      await slow?.leave();
    });
    if (watched !== undefined && measured !== undefined) {
      const offered = offeredBy(watched.clients);
      const became = whatBecameOf(watched.clients);
      context.meter.add("rates", { plan: watched.planId, ...measured, offered, ...became });
      const tags = { test: context.meter.test, scene: sceneName(clients, hasSlowReader) };
      setGauge("throughput_offered", offered, tags);
      setGauge("throughput_delivered", measured.delivered, tags);
    }
  },
});

const sceneName = (clients: number, hasSlowReader: boolean): string =>
  `${clients} ${clients === 1 ? "client" : "clients"}${hasSlowReader ? " beside a slow reader" : ""}`;

/** A reader that takes a message now and then. Nothing is due to it: what is judged is that the others do not suffer. */
async function joinSlowly(context: UserContext<Numbers>, planId: string) {
  const { deadlines } = context.numbers;
  const options = { deadlines, acceptable: OUTCOMES, expectsNothing: true };
  const audience = new Audience(context, planId, options);
  const [reader] = await audience.join(["slow reader"]);
  const pulse = setInterval(() => reader?.stream.readOne(), SLOW_READ_MS);
  return {
    reader,
    async leave() {
      clearInterval(pulse);
      await audience.leaveAll();
      await audience.finish();
    },
  };
}

type Measured = Pick<RateReport, "clients" | "delivered" | "slowReader">;

/** Counts what each client is given in the scene's time. */
async function measure(
  sceneMs: number,
  clients: readonly Client[],
  slow: Client | undefined,
): Promise<Measured> {
  const all = slow === undefined ? clients : [...clients, slow];
  const received = () => all.map(({ account }) => account.figures.counts.received);
  const [startedAt, before] = [recorder.now(), received()];
  await sleep(sceneMs);
  const seconds = (recorder.now() - startedAt) / 1_000;
  const perSecond = received().map((count, i) => (count - (before[i] ?? 0)) / seconds);
  return {
    clients: clients.length,
    delivered: Math.min(...perSecond.slice(0, clients.length)),
    slowReader: perSecond[clients.length] ?? null,
  };
}

/**
 * Messages a second that the pipeline wrote, by the server's own stamps, however late they came: those that were due to a
 * client count although another had them. The stamps of clients that are given little span little of the scene: over half
 * a second at least, so that a few in a burst are no rate.
 */
function offeredBy(clients: readonly Client[]): number {
  const all = clients.flatMap(({ figures }) => figures ?? []);
  const written = all.map(({ counts }) => Math.max(counts.received, counts.beforeOpen + counts.due));
  const first = all.map(({ firstStamp }) => firstStamp ?? Number.POSITIVE_INFINITY);
  const last = all.map(({ lastStamp }) => lastStamp ?? Number.NEGATIVE_INFINITY);
  return (
    (Math.max(0, ...written) * 1_000) / Math.max(SHORTEST_SPAN_MS, Math.max(...last) - Math.min(...first))
  );
}

/** Loss and latency over the clients of a scene. */
function whatBecameOf(clients: readonly Client[]): Pick<RateReport, "due" | "lost" | "latency"> {
  const latency: SparseHistogram = {};
  let [due, lost] = [0, 0];
  for (const { figures } of clients) {
    if (figures === undefined) continue;
    mergeInto(latency, figures.latency);
    due += figures.counts.due;
    lost += figures.counts.due - figures.counts.delivered;
  }
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(latency, q));
  const isTimed = p50 !== undefined && p95 !== undefined && p99 !== undefined;
  return { due, lost, latency: isTimed ? { p50, p95, p99 } : null };
}
