import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Transport } from "../record/record.ts";
import { type Figure, growthPercent, rise, settled } from "./figures.ts";
import {
  accounted,
  type Bench,
  compared,
  goReader,
  KIB,
  k6WebSocket,
  type Measuring,
  MIB,
  wired,
} from "./measuring.ts";
import {
  type Client,
  k6Client,
  k6Script,
  type Load,
  MARGIN_SECONDS,
  measure,
  outcomeOf,
  type Run,
} from "./processes.ts";

const SUITE = fileURLToPath(new URL("../dist/suite.js", import.meta.url));
const IDLE_USERS_SECONDS = 4;
/** A script that is slower than its stream may make memory rise by this, and no more. */
const MOST_RISE_MIB = 32;
/** What is called constant within noise. */
const MOST_GROWTH_PERCENT = 5;

type Streams = Pick<Load, "users" | "streams">;

/** What a process holds that has so many silent streams, when it has settled. */
async function residentBytes(client: Client, { url, quick }: Bench, over: Transport, streams: Streams) {
  const load: Load = { plan: "idle", hold: quick ? 3 : 8, ...streams };
  return settled((await measure(client(url, over, load))).resident);
}

export const idleStreams: Measuring = async (bench, over) => {
  const each = bench.quick ? 100 : 500;
  const alone = bench.quick ? 20 : 200;
  const few = [
    { users: 4, streams: 1 },
    { users: 4, streams: each },
  ] as const;
  const one = [
    { users: 1, streams: 1 },
    { users: alone, streams: 1 },
  ] as const;
  const kib = (client: Client, [small, large]: readonly [Streams, Streams]) =>
    perStream(client, bench, over, small, large);
  return [
    {
      what: `memory per idle stream, ${4 * each} on 4 users`,
      over,
      unit: "KiB",
      limit: { atMost: 60 },
      ours: [await kib(wired, few)],
      peers: [
        { name: "Go", values: [await kib(goReader, few)] },
        { name: "accounted", values: [await kib(accounted, few)] },
        ...(over === "ws" ? [{ name: "k6/websockets", values: [await kib(k6WebSocket, few)] }] : []),
        { name: `${alone} users with one each`, values: [await kib(wired, one)] },
      ],
    },
  ];
};

/** What each stream adds, in KiB. */
async function perStream(client: Client, bench: Bench, over: Transport, small: Streams, large: Streams) {
  const before = await residentBytes(client, bench, over, small);
  const after = await residentBytes(client, bench, over, large);
  return (after - before) / (large.users * large.streams - small.users * small.streams) / KIB;
}

export const manyIdleStreams: Measuring = async (bench, over) => {
  const streams = { users: 10, streams: bench.quick ? 100 : 1_000 };
  const mib = async (client: Client) => (await residentBytes(client, bench, over, streams)) / MIB;
  return [
    {
      what: `memory of k6 with ${streams.users * streams.streams} idle streams`,
      over,
      unit: "MiB",
      limit: { atMost: 800 },
      ...(await compared(1, wired, { Go: goReader }, mib)),
    },
  ];
};

/** A script that takes a millisecond for each message, of which twenty come meanwhile. */
export const slowScript: Measuring = async ({ url, quick }, over) => {
  const load: Load = { plan: "messages=10000000&rate=20000", users: 1, streams: 1, hold: quick ? 4 : 8 };
  const ours = await measure(k6Client("slow")(url, over, load));
  const growing = await measure(k6Client("slow-k6")(url, "ws", load));
  const figure = (what: string, unit: string, read: (run: Run) => number): Figure => ({
    what: `a script slower than its stream: ${what}`,
    over,
    unit,
    ours: [read(ours)],
    peers: [{ name: "k6/websockets", values: [read(growing)] }],
  });
  return [
    {
      ...figure("memory rises by", "MiB", ({ resident }) => rise(resident) / MIB),
      limit: { atMost: MOST_RISE_MIB, peerAbove: true },
    },
    figure("wait for the script, p99", "ms", (run) => outcomeOf(run).queueDelayP99Ms ?? 0),
  ];
};

export async function bundle({ quick }: Bench): Promise<Figure[]> {
  const [few, many] = quick ? [5, 25] : [10, 60];
  const resident = async (script: string, users: number) =>
    settled((await measure(k6Script(script, { USERS: users, HOLD: IDLE_USERS_SECONDS }))).resident);
  const perUser = async (script: string) =>
    ((await resident(script, many)) - (await resident(script, few))) / (many - few) / MIB;
  return [
    {
      what: "bundle of the suite",
      over: "",
      unit: "KB",
      limit: { atMost: 250 },
      ours: [statSync(SUITE).size / 1_000],
      peers: [],
    },
    {
      what: "memory per virtual user of the suite",
      over: "",
      unit: "MiB",
      ours: [await perUser("suite-user")],
      peers: [{ name: "an empty script", values: [await perUser("bare-user")] }],
    },
  ];
}

/** The warm-up is longer than the minute that the ledger remembers, and a third more that it has yet to forget. */
const WARM_UP_SECONDS = 100;
const KEEPER_SECONDS = { warmUp: 5, watched: 30 };

/**
 * k6's memory at 1,000 messages a second, watched for so many seconds after a warm-up. At the same time a script that
 * keeps every message, which must be seen to grow.
 */
export const longMemory =
  (seconds: number): Measuring =>
  async ({ url, quick }, over) => {
    const growth = async (client: Client, warmUp: number, watched: number) => {
      const hold = warmUp + watched;
      const load: Load = { plan: "messages=100000000&rate=100", users: 2, streams: 5, hold };
      const { resident } = await measure(client(url, over, load), {
        everyMs: 1_000,
        limitSeconds: hold + MARGIN_SECONDS,
      });
      return growthPercent(resident.slice(warmUp));
    };
    const [keeper, ours] = await Promise.all([
      growth(k6Client("keep"), KEEPER_SECONDS.warmUp, KEEPER_SECONDS.watched),
      quick ? [] : growth(accounted, WARM_UP_SECONDS, seconds).then((value) => [value]),
    ]);
    return [
      {
        what: `growth of k6's memory in ${seconds} s at 1,000 msg/s, at least`,
        over,
        unit: "%",
        limit: { atMost: MOST_GROWTH_PERCENT, peerAbove: true },
        ours,
        peers: [{ name: `a script that keeps messages, ${KEEPER_SECONDS.watched} s`, values: [keeper] }],
        ...(quick && { note: "takes longer than --quick" }),
      },
    ];
  };
