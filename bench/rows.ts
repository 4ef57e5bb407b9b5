import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TRANSPORTS, type Transport } from "../record/record.ts";
import { type Figure, growthPercent, type Limit, rise, settled } from "./figures.ts";
import {
  type Client,
  goClient,
  k6Client,
  k6Script,
  type Load,
  measure,
  type Outcome,
  outcomeOf,
  type Run,
} from "./processes.ts";

/** How large the benchmark is, and where its source listens. */
export interface Bench {
  url: string;
  rounds: number;
  /** In seconds instead of minutes: shows that all of it works, and roughly how fast. */
  quick: boolean;
}

export interface Row {
  name: string;
  /** Whether it needs the machine for itself: processor time and latency do, memory does not. */
  alone: boolean;
  measure(bench: Bench): Promise<Figure[]>;
}

const KIB = 1_024;
const MIB = 1_024 * KIB;
const US = 1e6;

/** Two users with five streams each, as fast as they are read. */
const flood = (messages: number): Load => ({ plan: `messages=${messages / 10}`, users: 2, streams: 5 });
/** What k6 takes to start shows in a load that is this part of the whole. */
const START_SHARE = 20;

const STREAMS_AT_RATE = { users: 10, streams: 5 };
/** A client keeps up that receives all of it, and as timely as the test plan asks of the server. */
const TIMELY_MS = 100;
const LATE_SECONDS = 2;
/** Above this wait (p95) for the script a run says "generator overloaded": see thresholds/targets.ts. */
const OVERLOADED_MS = 10;

const USERS_SECONDS = 4;
const MOST_RISE_MIB = 32;
const MOST_GROWTH_PERCENT = 5;
const SUITE = fileURLToPath(new URL("../dist/suite.js", import.meta.url));

const goReader = goClient();
const goAccount = goClient("--account");
/** A handler that does nothing: on our EventSource, and behind the connector for what is not ours yet. */
const EMPTY: Record<Transport, Client> = { sse: k6Client("empty"), ws: k6Client("wire") };
const k6WebSocket = k6Client("empty");
const accounted = k6Client("account");

/** The figures and their limits. */
export const ROWS: Row[] = [
  {
    name: "cpu-empty",
    alone: true,
    measure: overBoth((bench, over) =>
      cpuFigure(bench, over, "CPU per message, empty handler", 600_000, { atMost: 4 }, EMPTY[over], {
        "Go reader": goReader,
        ...(over === "ws" && { "k6/websockets": k6WebSocket }),
      }),
    ),
  },
  {
    name: "cpu-account",
    alone: true,
    measure: overBoth((bench, over) =>
      cpuFigure(bench, over, "CPU per message, accounted", 100_000, { timesPeer: 2 }, accounted, {
        "Go, encoding/json": goAccount,
        "JSON.parse and a Trend": k6Client("parse"),
      }),
    ),
  },
  { name: "rate-600", alone: true, measure: overBoth((bench, over) => rateFigures(bench, over, 600)) },
  { name: "rate-1000", alone: true, measure: overBoth((bench, over) => rateFigures(bench, over, 1_000)) },
  { name: "idle", alone: false, measure: overBoth(idleFigure) },
  { name: "idle-10000", alone: false, measure: overBoth(manyIdleFigure) },
  { name: "slow", alone: false, measure: overBoth(slowFigures) },
  { name: "resolution", alone: false, measure: overBoth(resolutionFigures) },
  { name: "bundle", alone: false, measure: bundleFigures },
  { name: "long-memory", alone: false, measure: overBoth(longMemoryFigure) },
];

function overBoth(
  figures: (bench: Bench, over: Transport) => Promise<Figure[]>,
): (bench: Bench) => Promise<Figure[]> {
  return async (bench) => {
    const all: Figure[] = [];
    for (const over of TRANSPORTS) all.push(...(await figures(bench, over)));
    return all;
  };
}

/** Measures ours and its peers by turns, so that what disturbs the machine disturbs all; one value a round each. */
async function byTurns<Value>(
  rounds: number,
  clients: Record<string, Client>,
  value: (client: Client) => Promise<Value>,
): Promise<Map<string, Value[]>> {
  const values = new Map<string, Value[]>(Object.keys(clients).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, client] of Object.entries(clients)) values.get(name)?.push(await value(client));
  }
  return values;
}

const OURS = "ours";

async function compared(
  rounds: number,
  ours: Client,
  peers: Record<string, Client>,
  value: (client: Client) => Promise<number>,
): Promise<Pick<Figure, "ours" | "peers">> {
  const values = await byTurns(rounds, { [OURS]: ours, ...peers }, value);
  return {
    ours: values.get(OURS) ?? [],
    peers: Object.keys(peers).map((name) => ({ name, values: values.get(name) ?? [] })),
  };
}

async function cpuFigure(
  bench: Bench,
  over: Transport,
  what: string,
  messages: number,
  limit: Limit,
  ours: Client,
  peers: Record<string, Client>,
): Promise<Figure[]> {
  const sent = bench.quick ? messages / 10 : messages;
  const perMessage = (client: Client) => cpuPerMessage(client, bench.url, over, sent);
  return [{ what, over, unit: "µs", limit, ...(await compared(bench.rounds, ours, peers, perMessage)) }];
}

/** The processor time of a process for a message, without that of its start. */
async function cpuPerMessage(client: Client, url: string, over: Transport, messages: number) {
  const few = messages / START_SHARE;
  const start = await measureAll(client(url, over, flood(few)), few);
  const whole = await measureAll(client(url, over, flood(messages)), messages);
  return ((whole.cpuSeconds - start.cpuSeconds) * US) / (messages - few);
}

/** Most of the messages at least must have come, or their cost means nothing. */
async function measureAll(command: string[], messages: number): Promise<Run> {
  const run = await measure(command);
  const { received } = outcomeOf(run);
  if (received < messages * 0.9)
    throw new Error(`${command.join(" ")} received ${received} of ${messages} messages`);
  return run;
}

/** What came of a client in a round at a fixed rate. */
interface Round extends Outcome {
  lost: number;
  /** How long it took beyond the time in which the messages were due: its start, and what it was late. */
  lateSeconds: number;
}

async function rateFigures(bench: Bench, over: Transport, rate: number): Promise<Figure[]> {
  const seconds = bench.quick ? 2 : 6;
  const load: Load = { plan: `messages=${rate * seconds}&rate=${rate}`, ...STREAMS_AT_RATE };
  const due = rate * seconds * load.users * load.streams;
  const measured = await byTurns(bench.rounds, { k6: accounted, go: goAccount }, async (client) =>
    roundOf(await measure(client(bench.url, over, load)), due, seconds),
  );
  const rounds = (measured.get("k6") ?? []).flatMap((k6, i) => {
    const go = measured.get("go")?.[i];
    return go !== undefined && keepsUp(go) ? [{ k6, go }] : [];
  });
  const left = bench.rounds - rounds.length;
  const figure = (what: string, unit: string, read: (one: Round) => number): Figure => ({
    what: `${load.users * load.streams} × ${rate}/s: ${what}`,
    over,
    unit,
    ours: rounds.map(({ k6 }) => read(k6)),
    peers: [{ name: "Go, encoding/json", values: rounds.map(({ go }) => read(go)) }],
    ...(left > 0 && { note: `${left} of ${bench.rounds} rounds left out: the Go client did not keep up` }),
  });
  const isUnsaid = (one: Round) => !keepsUp(one) && (one.queueDelayP95Ms ?? 0) <= OVERLOADED_MS;
  return [
    { ...figure("p99", "ms", ({ p99Ms }) => p99Ms), limit: { timesPeer: 3 } },
    { ...figure("lost", "", ({ lost }) => lost), limit: { atMost: 0 } },
    { ...figure("late", "s", ({ lateSeconds }) => lateSeconds), limit: { atMost: LATE_SECONDS } },
    { ...figure("overload not said", "", (one) => (isUnsaid(one) ? 1 : 0)), peers: [], limit: { atMost: 0 } },
    { ...figure("wait for the script, p99", "ms", ({ queueDelayP99Ms = 0 }) => queueDelayP99Ms), peers: [] },
  ];
}

function roundOf(run: Run, due: number, seconds: number): Round {
  const outcome = outcomeOf(run);
  const lost = due - (outcome.received - (outcome.duplicates ?? 0));
  return { ...outcome, lost, lateSeconds: run.seconds - seconds };
}

const keepsUp = ({ lost, p99Ms, lateSeconds }: Round): boolean =>
  lost === 0 && p99Ms <= TIMELY_MS && lateSeconds <= LATE_SECONDS;

type Streams = Pick<Load, "users" | "streams">;

/** What a process holds that has so many silent streams, when it has settled. */
async function residentBytes(client: Client, bench: Bench, over: Transport, streams: Streams) {
  const run = await measure(client(bench.url, over, { plan: "idle", hold: bench.quick ? 3 : 8, ...streams }));
  return settled(run.resident);
}

/** What each stream adds, in KiB. */
async function perStream(client: Client, bench: Bench, over: Transport, few: Streams, many: Streams) {
  const [small, large] = [
    await residentBytes(client, bench, over, few),
    await residentBytes(client, bench, over, many),
  ];
  return (large - small) / (many.users * many.streams - few.users * few.streams) / KIB;
}

async function idleFigure(bench: Bench, over: Transport): Promise<Figure[]> {
  const streams = bench.quick ? 100 : 500;
  const onFew = (client: Client) =>
    perStream(client, bench, over, { users: 4, streams: 1 }, { users: 4, streams });
  const users = bench.quick ? 20 : 200;
  const peer = async (name: string, kib: Promise<number>) => ({ name, values: [await kib] });
  return [
    {
      what: `memory per idle stream, ${4 * streams} on 4 users`,
      over,
      unit: "KiB",
      limit: { atMost: 60 },
      ours: [await onFew(k6Client("wire"))],
      peers: [
        await peer("Go", onFew(goReader)),
        await peer("accounted", onFew(accounted)),
        ...(over === "ws" ? [await peer("k6/websockets", onFew(k6WebSocket))] : []),
        await peer(
          `${users} users with one each`,
          perStream(k6Client("wire"), bench, over, { users: 1, streams: 1 }, { users, streams: 1 }),
        ),
      ],
    },
  ];
}

async function manyIdleFigure(bench: Bench, over: Transport): Promise<Figure[]> {
  const streams = { users: 10, streams: bench.quick ? 100 : 1_000 };
  const mib = async (client: Client) => (await residentBytes(client, bench, over, streams)) / MIB;
  return [
    {
      what: `memory of k6 with ${streams.users * streams.streams} idle streams`,
      over,
      unit: "MiB",
      limit: { atMost: 800 },
      ...(await compared(1, k6Client("wire"), { Go: goReader }, mib)),
    },
  ];
}

/** A script that takes a thousandth of a second for each message, of which there are many more. */
async function slowFigures(bench: Bench, over: Transport): Promise<Figure[]> {
  const load: Load = {
    plan: "messages=10000000&rate=20000",
    users: 1,
    streams: 1,
    hold: bench.quick ? 4 : 8,
  };
  const ours = await measure(k6Client("slow")(bench.url, over, load));
  const k6WebSocket = await measure(k6Client("slow-bare")(bench.url, "ws", load));
  const figure = (what: string, unit: string, read: (run: Run) => number): Figure => ({
    what: `a script slower than its stream: ${what}`,
    over,
    unit,
    ours: [read(ours)],
    peers: [{ name: "k6/websockets", values: [read(k6WebSocket)] }],
  });
  return [
    {
      ...figure("memory grows by", "MiB", ({ resident }) => rise(resident) / MIB),
      limit: { atMost: MOST_RISE_MIB, peerAbove: true },
    },
    figure("wait for the script, p99", "ms", (run) => outcomeOf(run).queueDelayP99Ms ?? 0),
  ];
}

async function resolutionFigures(bench: Bench, over: Transport): Promise<Figure[]> {
  const load: Load = { plan: "messages=1000&rate=500", users: 1, streams: 5 };
  const ours = outcomeOf(await measure(k6Client("resolution")(bench.url, over, load)));
  const dateNow = outcomeOf(await measure(k6Client("parse")(bench.url, over, load)));
  const figure = (what: string, unit: string, read: (one: Outcome) => number): Figure => ({
    what,
    over,
    unit,
    ours: [read(ours)],
    peers: [{ name: "Date.now()", values: [read(dateNow)] }],
  });
  return [
    {
      ...figure("times in whole ms", "%", ({ wholeMs = 0, compared = 0 }) => (wholeMs / compared) * 100),
      limit: { atMost: 1, peerAbove: true },
    },
    {
      ...figure("lowest latency below 0 by", "ms", ({ lowestMs = Number.NaN }) => Math.max(0, -lowestMs)),
      limit: { atMost: 0 },
    },
    figure("lowest latency", "ms", ({ lowestMs = Number.NaN }) => lowestMs),
  ];
}

async function bundleFigures({ quick }: Bench): Promise<Figure[]> {
  const [few, many] = quick ? [5, 25] : [10, 60];
  const resident = async (script: string, users: number) =>
    settled((await measure(k6Script(script, { USERS: users, HOLD: USERS_SECONDS }))).resident);
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

/**
 * Both at once: memory does not mind. The peer keeps every message, and must be seen to grow. The ledger remembers a
 * minute: before that it grows as well, so that a short run tells nothing of it.
 */
async function longMemoryFigure(bench: Bench, over: Transport): Promise<Figure[]> {
  const [warmUp, seconds] = bench.quick ? [5, 15] : [75, 60];
  const load: Load = { plan: "messages=10000000&rate=100", users: 2, streams: 5, hold: warmUp + seconds };
  const growth = async (client: Client) =>
    growthPercent((await measure(client(bench.url, over, load), 1_000)).resident.slice(warmUp));
  const [keeper, ...ours] = await Promise.all(
    [k6Client("keep"), ...(bench.quick ? [] : [accounted])].map(growth),
  );
  return [
    {
      what: `growth of k6's memory in ${seconds} s at 1,000 msg/s, at least`,
      over,
      unit: "%",
      limit: { atMost: MOST_GROWTH_PERCENT, peerAbove: true },
      ours: [ours],
      peers: [{ name: "a script that keeps messages", values: [keeper] }],
      ...(bench.quick && {
        note: "the ledger remembers a minute: only a longer run can show that it is constant",
      }),
    },
  ];
}
