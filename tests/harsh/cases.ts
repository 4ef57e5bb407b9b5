import type { Outcome, Transport } from "../../record/record.ts";
import type { Expectation } from "../fault-matrix.ts";
import type { Answer, LogMessage, Said, Tampering } from "./front.ts";
import type { Network } from "./network.ts";

/** The load tests that are used, and the longest time of each in profile smoke, its three plans one after the other. */
export const LONGEST_SECONDS = { "basic-connection": 36, "multiple-clients": 30 } as const;
export type UsedTest = keyof typeof LONGEST_SECONDS;

/** What stands between k6 and the server, or happens to the server. */
export type World =
  | { network: Network }
  | { front: () => Tampering }
  /** The server is killed (SIGKILL) so long after the first stream opened, and comes back after `awayMs`. */
  | { killedAfterMs: number; awayMs: number };

/**
 * A harsh world and what is to come of it. Written by hand from what the world does and what the targets are, as the
 * fault matrix is; `missed`, `either` and `noData` are as there, and every other target must be met.
 */
export interface HarshCase extends Pick<Expectation, "missed" | "either" | "noData"> {
  name: string;
  world: World;
  /** The load tests; multiple-clients (three plans, five clients each, 60 messages) unless it says otherwise. */
  tests?: readonly UsedTest[];
  /** Of two tests, the second finds all as it should be. */
  recovers?: true;
  /** The transports that it is for; both unless it says otherwise. */
  over?: Transport;
  /** How the streams may end; none where there is no stream. */
  outcomes: readonly Outcome[];
  /** What the record says of it among its findings. */
  finds?: RegExp;
  /** Plans are left on the server, which cannot be reached any more; the record says so. */
  leavesPlans?: true;
  /** Nothing was loaded: k6 ends with 108 and this sentence. */
  refusal?: RegExp;
  /** Over which transport it is part of `npm test`; all run in `npm run soak -- harsh`. */
  inTests?: Transport;
}

const HTML: Answer = {
  status: 200,
  headers: { "content-type": "text/html" },
  body: "<!doctype html><title>Sign in</title><p>Please sign in to the network.",
};
const TOO_MANY: Answer = {
  status: 429,
  headers: { "content-type": "application/json", "retry-after": "1" },
  body: '{"detail":"Too many requests"}',
};
const UNAVAILABLE: Answer = { status: 503, headers: { "retry-after": "1" }, body: "Service Unavailable" };

const STRANGE_PLAN: Answer = {
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ plan_id: "../../etc\n:%zz?", status: "running", prompt: "" }),
};

const isStream = (path: string): boolean => /\/(stream|progress)$/.test(path);
const onStreams =
  (answer: Answer): (() => Tampering) =>
  () => ({ answer: (_, path) => (isStream(path) ? answer : undefined) });
const onCreation =
  (answer: Answer): (() => Tampering) =>
  () => ({ answer: (method) => (method === "POST" ? answer : undefined) });

/** How long the 429 of a deletion lasts: a little less than its Retry-After asks. */
const REFUSED_MS = 900;

/** Deletes a plan only after two refusals; who asks again too early is told the same once more. */
function refuseDeletions(): Tampering {
  const refused = new Map<string, { times: number; at: number }>();
  return {
    answer(method, path) {
      if (method !== "DELETE") return undefined;
      const { times, at } = refused.get(path) ?? { times: 0, at: 0 };
      const isEarly = Date.now() - at < REFUSED_MS;
      if (times === 2 && !isEarly) return undefined;
      refused.set(path, { times: isEarly ? times : times + 1, at: Date.now() });
      return TOO_MANY;
    },
  };
}

/** Tampers with every `every`th message, and lets the others be. */
const each =
  (every: number, say: (message: LogMessage) => readonly Said[]): (() => Tampering) =>
  () => ({
    say: (message, number) => (number % every === every / 2 ? say(message) : [json(message)]),
  });
const all =
  (say: (message: LogMessage) => object): (() => Tampering) =>
  () => ({ say: (message) => [json(say(message))] });

const json = (frame: object): Said => ({ data: JSON.stringify(frame) });

const anHourLater = ({ timestamp, ...others }: LogMessage): object => ({
  ...others,
  timestamp: new Date(Date.parse(`${timestamp}Z`) + 3_600_000).toISOString(),
});
const unstamped = ({ type, message }: LogMessage): object => ({ type, message });

/** The message with bytes in its text that are no UTF-8. */
function withBrokenText({ message, ...others }: LogMessage): Said {
  const [before = "", after = ""] = JSON.stringify({ ...others, message: `${message}#` }).split("#");
  return { data: Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from(after)]) };
}

/** Frames of which none is a message of the API. */
const NONSENSE: readonly Said[] = [
  "",
  "null",
  "[]",
  "17",
  '"log"',
  '{"type":"log","message":',
  '{"type":17}',
  '{"type":"surprise"}',
  "<html>",
  "[".repeat(2_000),
].map((data) => ({ data }));

const FIVE_MB = 5_000_000;
const LONG_TEXT = "x".repeat(FIVE_MB);
const DEEP = "[".repeat(FIVE_MB);

/** Among the messages one that is 5 MB long, and one of which 5 MB are brackets, which is none. */
function longMessages(message: LogMessage, number: number): readonly Said[] {
  if (number === 20) return [json({ ...message, message: LONG_TEXT })];
  return number === 40 ? [{ data: `{"type":${DEEP}` }, json(message)] : [json(message)];
}

const MANY = 100_000;

/** On the stream that is the first to come so far, a message is followed by 100,000 more of its millisecond. */
function oneBurst(): Tampering {
  let isOver = false;
  return {
    say(message, number) {
      if (isOver || number !== 20) return [json(message)];
      isOver = true;
      return burst(message);
    },
  };
}

function burst(message: LogMessage): readonly Said[] {
  const second = message.timestamp.slice(0, "2026-11-22T08:49:17".length);
  const micros = Number(message.timestamp.slice(second.length + 1));
  const more = Array.from({ length: MANY }, (_, i) => {
    const fraction = String(Math.min(999_999, micros + Math.floor(i / 100))).padStart(6, "0");
    return { data: `{"type":"log","message":"burst, line ${i}","timestamp":"${second}.${fraction}"}` };
  });
  return [json(message), ...more];
}

/** How the streams of basic-connection end, those of absent plans included. */
const TOLD: readonly Outcome[] = ["completed", "refused", "failed", "deleted"];

const NO_STREAM = {
  missed: ["connection-success", "clean-outcomes"],
  noData: ["message-delivery", "message-latency"],
} as const satisfies Partial<HarshCase>;
/** Where no plan can be created nobody attempts to watch one. */
const NO_PLAN = {
  missed: ["clean-outcomes"],
  noData: ["connection-success", "message-delivery", "message-latency"],
  outcomes: [],
} as const satisfies Partial<HarshCase>;
const UNJUDGED = {
  missed: [],
  noData: ["message-delivery", "message-latency"],
  outcomes: ["completed"],
} as const satisfies Partial<HarshCase>;

export const HARSH_CASES: readonly HarshCase[] = [
  {
    name: "latency and jitter, bearable",
    world: { network: { to: "all", latencyMs: 20, jitterMs: 20 } },
    missed: [],
    outcomes: ["completed"],
    inTests: "ws",
  },
  {
    // The server's clock is known to half a round trip, which is more than what is left to the target.
    name: "latency of 200 to 250 ms each way",
    world: { network: { to: "all", latencyMs: 200, jitterMs: 50 } },
    missed: [],
    noData: ["message-latency"],
    outcomes: ["completed"],
    inTests: "sse",
  },
  {
    // Less than the plan's log needs: it comes whole, and late.
    name: "6 KB a second to each stream",
    world: { network: { to: "streams", pieceBytes: 300, pieceMs: 50 } },
    missed: ["message-latency"],
    outcomes: ["completed"],
    inTests: "sse",
  },
  {
    name: "pieces of seven bytes",
    world: { network: { to: "streams", pieceBytes: 7 } },
    missed: [],
    outcomes: ["completed"],
    inTests: "ws",
  },
  {
    // The head of the answer alone takes longer than a first message may, and than a connection.
    name: "20 bytes a second to each stream",
    world: { network: { to: "streams", pieceBytes: 1, pieceMs: 50 } },
    ...NO_STREAM,
    outcomes: ["starved", "dropped"],
    inTests: "ws",
  },
  {
    name: "streams reset after a second",
    world: { network: { to: "streams", breaks: "reset", afterMs: 1_000 } },
    missed: ["clean-outcomes"],
    // A reset takes with it what was on its way.
    either: ["message-delivery"],
    outcomes: ["dropped"],
    inTests: "sse",
  },
  {
    name: "streams half-closed after a second",
    world: { network: { to: "streams", breaks: "half-close", afterMs: 1_000 } },
    missed: ["clean-outcomes"],
    either: ["message-delivery"],
    outcomes: ["dropped"],
    inTests: "ws",
  },
  {
    // The plan's log went on, so the silence is not the pipeline's.
    name: "streams in a black hole after a second",
    world: { network: { to: "streams", breaks: "black hole", afterMs: 1_000 } },
    missed: ["message-delivery", "clean-outcomes"],
    outcomes: ["starved"],
    inTests: "sse",
  },
  {
    // Nothing tells what the streams lack, nor whether their plans go on: nothing can be called met, or missed.
    name: "everything in a black hole after 1.5 s",
    world: { network: { to: "all", breaks: "black hole", afterMs: 1_500 } },
    tests: ["basic-connection"],
    missed: ["responsiveness"],
    noData: ["message-delivery", "message-latency", "connection-success", "clean-outcomes", "server-errors"],
    outcomes: [...TOLD, "closed"],
    finds: /plans may be left on the server/,
    leavesPlans: true,
    inTests: "ws",
  },
  {
    name: "everything in a black hole",
    world: { network: { to: "all", breaks: "black hole" } },
    missed: [],
    outcomes: [],
    refusal: /did not answer GET \/health in time: a server that is there is frozen/,
    inTests: "sse",
  },
  {
    name: "every connection reset",
    world: { network: { to: "all", breaks: "reset" } },
    missed: [],
    outcomes: [],
    refusal: /cannot be reached/,
  },
  {
    name: "the server killed, and back after 1.5 s",
    world: { killedAfterMs: 1_000, awayMs: 1_500 },
    tests: ["basic-connection", "multiple-clients"],
    missed: ["clean-outcomes"],
    // What was on its way is lost; and where all streams are gone, the test may be over before /health is asked again.
    either: ["message-delivery", "responsiveness"],
    // What it would have answered is not known.
    noData: ["server-errors", "message-delivery"],
    outcomes: [...TOLD, "dropped"],
    recovers: true,
    inTests: "ws",
  },
  {
    name: "HTML for everything",
    world: { front: () => ({ answer: () => HTML }) },
    missed: [],
    outcomes: [],
    refusal: /is no plan API: GET \/health answered 200/,
  },
  {
    name: "HTML for streams",
    world: { front: onStreams(HTML) },
    ...NO_STREAM,
    outcomes: ["refused"],
    inTests: "sse",
  },
  {
    name: "HTML for a plan's creation",
    world: { front: onCreation(HTML) },
    ...NO_PLAN,
    finds: /a plan could not be created: 200 <!doctype html>/,
    inTests: "ws",
  },
  {
    // It would become part of URLs.
    name: "a plan's id that is a path",
    world: { front: onCreation(STRANGE_PLAN) },
    ...NO_PLAN,
    finds: /a plan could not be created: 200 .*etc/,
    inTests: "sse",
  },
  {
    name: "429 for streams",
    world: { front: onStreams(TOO_MANY) },
    ...NO_STREAM,
    outcomes: ["refused"],
    inTests: "ws",
  },
  {
    name: "429 for a plan's creation",
    world: { front: onCreation(TOO_MANY) },
    ...NO_PLAN,
    finds: /a plan could not be created: 429/,
  },
  {
    // The Retry-After is waited for, and no plan is left.
    name: "429 for the first two deletions of a plan",
    world: { front: refuseDeletions },
    missed: [],
    outcomes: ["completed"],
    inTests: "sse",
  },
  {
    name: "503 for everything",
    world: { front: () => ({ answer: () => UNAVAILABLE }) },
    missed: [],
    outcomes: [],
    refusal: /is no plan API: GET \/health answered 503/,
  },
  {
    name: "503 for streams",
    world: { front: onStreams(UNAVAILABLE) },
    missed: [...NO_STREAM.missed, "server-errors"],
    noData: [...NO_STREAM.noData],
    outcomes: ["refused"],
    inTests: "ws",
  },
  {
    name: "503 for a plan's creation",
    world: { front: onCreation(UNAVAILABLE) },
    ...NO_PLAN,
    missed: [...NO_PLAN.missed, "server-errors"],
    finds: /a plan could not be created: 503/,
  },
  {
    name: "a plan's details are no JSON",
    world: {
      front: () => ({
        answer: (_, path) => (path.endsWith("/details") ? { ...HTML, body: "{" } : undefined),
      }),
    },
    missed: [],
    outcomes: ["completed"],
    finds: /a plan's own log was not to be had/,
  },
  {
    // What cannot be read is lost, as the plan's log shows.
    name: "one message of ten is malformed JSON",
    world: { front: each(10, (message) => [{ data: JSON.stringify(message).slice(0, -10) }]) },
    missed: ["message-delivery"],
    outcomes: ["completed"],
    finds: /malformed message/,
    inTests: "sse",
  },
  {
    name: "events without data, and other nonsense between the messages",
    world: { front: each(10, (message) => [...NONSENSE, json(message)]) },
    missed: [],
    outcomes: ["completed"],
    finds: /malformed message/,
    inTests: "ws",
  },
  {
    name: "messages of 5 MB",
    tests: ["basic-connection"],
    world: { front: () => ({ say: longMessages }) },
    missed: [],
    // What comes behind them waits, on its way or for the instrument itself.
    either: ["message-latency"],
    noData: ["message-latency"],
    outcomes: TOLD,
    finds: /malformed message on client 1: \{"type":\[\[/,
    inTests: "ws",
  },
  {
    name: "one message of ten is binary",
    world: {
      front: each(10, (message) => [{ data: Buffer.from(JSON.stringify(message), "utf16le"), binary: true }]),
    },
    missed: ["message-delivery"],
    outcomes: ["completed"],
    finds: /malformed message/,
    inTests: "ws",
  },
  {
    // The format of event streams has a replacement for what is no UTF-8.
    name: "one message of ten is invalid UTF-8",
    over: "sse",
    world: { front: each(10, (message) => [withBrokenText(message)]) },
    missed: [],
    outcomes: ["completed"],
    inTests: "sse",
  },
  {
    // The protocol has a WebSocket fail that says what is no UTF-8.
    name: "one message of ten is invalid UTF-8",
    over: "ws",
    world: { front: each(10, (message) => [withBrokenText(message)]) },
    missed: ["clean-outcomes"],
    // It takes with it what was right behind it.
    either: ["message-delivery"],
    outcomes: ["dropped"],
    inTests: "ws",
  },
  {
    name: "no message has a timestamp",
    world: { front: all(unstamped) },
    ...UNJUDGED,
    finds: /had no believable timestamp/,
    inTests: "sse",
  },
  {
    name: "one message of ten has no timestamp",
    world: { front: each(10, (message) => [json(unstamped(message))]) },
    ...UNJUDGED,
    finds: /had no believable timestamp/,
    inTests: "ws",
  },
  {
    name: "timestamps an hour in the future",
    world: { front: all(anHourLater) },
    ...UNJUDGED,
    finds: /had no believable timestamp/,
  },
  {
    name: "one timestamp of ten an hour in the future",
    world: { front: each(10, (message) => [json(anHourLater(message))]) },
    ...UNJUDGED,
    finds: /had no believable timestamp/,
    inTests: "sse",
  },
  {
    name: "timestamps in another format",
    world: { front: all((message) => ({ ...message, timestamp: Date.parse(`${message.timestamp}Z`) })) },
    ...UNJUDGED,
    finds: /had no believable timestamp/,
    inTests: "ws",
  },
  {
    name: "100,000 messages at once on one stream",
    tests: ["basic-connection"],
    world: { front: oneBurst },
    missed: [],
    either: ["message-latency"],
    noData: ["message-latency"],
    outcomes: TOLD,
    inTests: "sse",
  },
];
