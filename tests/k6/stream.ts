import { check } from "k6";
import type { Options } from "k6/options";
import { recorder } from "../../client/extension.ts";
import { Stream, type StreamOwner } from "../../client/stream.ts";
import { sleep } from "../../client/time.ts";
import type { WireEvents } from "../../client/wire.ts";
import type { Outcome } from "../../record/record.ts";

/** A case: what the wire and the owner do, and how the stream must end. */
interface Case {
  name: string;
  act: (wire: WireEvents, stream: Stream) => void | Promise<void>;
  owner?: Partial<StreamOwner>;
  outcome: Outcome;
  isUsable: boolean;
  isUnknown?: boolean;
  isTooLate?: boolean;
}

const DEADLINES = { firstMessageMs: 200, silenceMs: 200, lifeMs: 900 };
const at = () => recorder.now();
const log = (wire: WireEvents) => wire.message({ kind: "log" }, at());
const status = (wire: WireEvents, word: string) =>
  wire.message({ kind: "status", status: word, text: "" }, at());
const end = (wire: WireEvents) => wire.message({ kind: "end" }, at());
const clean = { clean: true, reason: "closed with 1000", isAnswer: true };
const broken = { clean: false, reason: "reset", isAnswer: false };
const refused = { clean: false, reason: "answered 404", isAnswer: true, status: 404 };

const CASES: Case[] = [
  {
    name: "told completed, then the end",
    act: (wire) => {
      log(wire);
      status(wire, "completed");
      end(wire);
    },
    outcome: "completed",
    isUsable: true,
  },
  {
    name: "told failed, then a clean close",
    act: (wire) => {
      status(wire, "failed");
      wire.end(clean);
    },
    outcome: "failed",
    isUsable: true,
  },
  {
    name: "the fallback completes it",
    act: (wire) => {
      status(wire, "fallback");
      status(wire, "completed");
      end(wire);
    },
    outcome: "fallback",
    isUsable: true,
  },
  {
    name: "told completed, and broken before the close",
    act: (wire) => {
      status(wire, "completed");
      wire.end(broken);
    },
    outcome: "dropped",
    isUsable: true,
  },
  {
    name: "an error in place of a first message",
    act: (wire) => wire.message({ kind: "refusal", text: "Plan not found" }, at()),
    outcome: "refused",
    isUsable: false,
  },
  { name: "never connected", act: (wire) => wire.end(broken), outcome: "dropped", isUsable: false },
  { name: "refused with a status", act: (wire) => wire.end(refused), outcome: "refused", isUsable: false },
  {
    name: "an error in the middle",
    act: (wire) => {
      log(wire);
      wire.message({ kind: "refusal", text: "gone" }, at());
    },
    outcome: "dropped",
    isUsable: true,
  },
  {
    name: "an error in the middle, after the test deleted the plan",
    act: (wire) => {
      log(wire);
      wire.message({ kind: "refusal", text: "gone" }, at());
    },
    owner: { isPlanDeleted: () => true },
    outcome: "deleted",
    isUsable: true,
  },
  {
    name: "a clean end without a word",
    act: (wire) => {
      log(wire);
      wire.end(clean);
    },
    outcome: "dropped",
    isUsable: true,
  },
  {
    name: "a clean end after the test deleted the plan",
    act: (wire) => {
      log(wire);
      wire.end(clean);
    },
    owner: { isPlanDeleted: () => true },
    outcome: "deleted",
    isUsable: true,
  },
  {
    name: "a broken wire when the generator ends",
    act: (wire) => {
      log(wire);
      wire.end(broken);
    },
    owner: { isGeneratorEnding: () => true },
    outcome: "interrupted",
    isUsable: true,
  },
  { name: "heartbeats only", act: (wire) => heartbeats(wire, 10), outcome: "starved", isUsable: false },
  { name: "silence after a message", act: log, outcome: "starved", isUsable: true },
  {
    name: "silence of a plan that has nothing to say, to the end of its life",
    act: log,
    owner: { whySilent: async () => "quiet", planAtEnd: async () => "running" },
    outcome: "closed",
    isUsable: true,
  },
  {
    name: "silence of which the server does not tell why, to the end of its life",
    act: log,
    owner: { whySilent: async () => "unknown", planAtEnd: async () => "unknown" },
    outcome: "closed",
    isUsable: true,
    isUnknown: true,
  },
  {
    name: "silence of a plan that was over before",
    act: () => {},
    owner: { whySilent: async () => "too late" },
    outcome: "closed",
    isUsable: false,
    isTooLate: true,
  },
  {
    name: "types that newer servers have are no messages",
    act: (wire) => wire.message({ kind: "unknown", type: "llm_stream", text: "{}" }, at()),
    outcome: "starved",
    isUsable: false,
  },
  {
    name: "messages without an end although the plan is over",
    act: async (wire) => {
      for (let i = 0; i < 12; i++) {
        log(wire);
        await sleep(100);
      }
    },
    outcome: "timed_out",
    isUsable: true,
  },
  { name: "closed by the test", act: (_, stream) => stream.close(), outcome: "closed", isUsable: false },
  {
    name: "what comes after the outcome changes nothing",
    act: (wire, stream) => {
      log(wire);
      stream.close();
      status(wire, "failed");
      wire.end(broken);
    },
    outcome: "closed",
    isUsable: true,
  },
];

async function heartbeats(wire: WireEvents, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    wire.message({ kind: "alive" }, at());
    await sleep(50);
  }
}

export const options: Options = { thresholds: { checks: ["rate==1"] } };

async function play({
  name,
  act,
  owner,
  outcome,
  isUsable,
  isUnknown = false,
  isTooLate = false,
}: Case): Promise<void> {
  let wire: WireEvents | undefined;
  let closes = 0;
  const connect = (events: WireEvents) => {
    wire = events;
    return {
      pause: () => {},
      resume: () => {},
      close: () => {
        closes++;
      },
    };
  };
  const stream = new Stream(connect, DEADLINES, { ...OWNER, ...owner });
  if (wire !== undefined) await act(wire, stream);
  const ended = { outcome: await stream.ended, isUsable: await stream.usable, closes };
  const seen = { ...ended, isUnknown: stream.isUnknown, isTooLate: stream.isTooLate };
  const wanted = { outcome, isUsable, closes: 1, isUnknown, isTooLate };
  const isRight = check(seen, { [name]: () => JSON.stringify(seen) === JSON.stringify(wanted) });
  if (!isRight) console.error(`${name}: ${JSON.stringify(seen)} in place of ${JSON.stringify(wanted)}`);
}

const OWNER: StreamOwner = {
  lastAt: () => 0,
  malformed: () => {},
  refusedWith: () => {},
  unknown: () => {},
  whySilent: async () => "owed",
  planAtEnd: async () => "over",
  isPlanDeleted: () => false,
  isGeneratorEnding: () => false,
};

export default async function streams(): Promise<void> {
  await Promise.all(CASES.map(play));
  console.log(`${CASES.length} cases`);
}
