import type { Transport } from "../record/record.ts";
import { LONGEST_WAIT_MS } from "../thresholds/targets.ts";
import type { Figure } from "./figures.ts";
import { accounted, GO_ACCOUNT, goAccount, type Measuring } from "./measuring.ts";
import { type Client, latenessOf, measure, type Outcome, outcomeOf } from "./processes.ts";

const USERS = 10;
const STREAMS = 5;
/** The clients of a round, each with as many streams as the other. */
const CLIENTS = 2;

/** A client keeps up that receives all of it, in time, and as timely as the test plan asks of the server. */
const TIMELY_MS = 100;
const LATE_SECONDS = 2;
/**
 * What both clients may take to open their streams, so that a slow start of one is not held against the other, and what
 * they may take beyond the time in which they are sent to. Then they are broken off.
 */
const OPENING_SECONDS = 30;
const BREAK_OFF_SECONDS = 5;

/** What came of a client in a round. */
export interface Part extends Outcome {
  lost: number;
  /** How long after the last message was due the client had read all of it, and left. */
  lateSeconds: number;
}

/** Both clients in the same seconds: all streams are open, and the source sends to one client and the other by turns. */
export interface Round {
  ours: Part;
  go: Part;
}

interface Sent {
  rate: number;
  /** To each stream. */
  messages: number;
}

/** 50 streams at a fixed rate, beside a Go client that does the same. */
export const atRate =
  ({ rate, inEachRound = false }: { rate: number; inEachRound?: boolean }): Measuring =>
  async ({ url, rounds, quick }, over) => {
    const sent: Sent = { rate, messages: rate * (quick ? 2 : 10) };
    const measured: Round[] = [];
    while (measured.length < rounds) {
      measured.push(await measureRound(url, over, sent, `${over}-${rate}-${measured.length}`));
    }
    return rateFigures(`${USERS * STREAMS} × ${rate}/s`, over, measured, inEachRound);
  };

async function measureRound(url: string, over: Transport, sent: Sent, meeting: string): Promise<Round> {
  const { rate, messages } = sent;
  const part = async (client: Client, turn: number): Promise<Part> => {
    const run = await measure(
      client(url, over, {
        plan: `messages=${messages}&rate=${rate}&meeting=${meeting}&streams=${CLIENTS * USERS * STREAMS}&turn=${turn}`,
        users: USERS,
        streams: STREAMS,
        limit: OPENING_SECONDS + (CLIENTS * messages) / rate + BREAK_OFF_SECONDS,
      }),
    );
    const outcome = outcomeOf(run);
    const lost = messages * USERS * STREAMS - (outcome.received - (outcome.duplicates ?? 0));
    return { ...outcome, lost, lateSeconds: await latenessOf(url, meeting, turn) };
  };
  const parts = [part(accounted, 0), part(goAccount, 1)] as const;
  await Promise.allSettled(parts); // where one fails, the other is not left running
  const [ours, go] = await Promise.all(parts);
  return { ours, go };
}

/** What the rounds show. Those in which Go did not keep up say how busy the machine was: they are told, and not judged. */
export function rateFigures(
  load: string,
  over: Transport,
  rounds: readonly Round[],
  inEachRound: boolean,
): Figure[] {
  const fair = rounds.filter(isFair);
  const figure = (what: string, unit: string, read: (part: Part) => number): Figure => ({
    what: `${load}: ${what}`,
    over,
    unit,
    ours: fair.map(({ ours }) => read(ours)),
    peers: [{ name: GO_ACCOUNT, values: fair.map(({ go }) => read(go)) }],
  });
  const nothing = { limit: { atMost: 0, inEachRound: true } };
  return [
    {
      ...figure("p99", "ms", ({ p99Ms }) => p99Ms),
      limit: { timesPeer: 3, inEachRound },
      note: `Go kept up in ${fair.length} of ${rounds.length} rounds: ${rounds.map(inWords).join(", ")}`,
    },
    { ...figure("lost", "", ({ lost }) => lost), ...nothing },
    {
      ...figure("late", "s", ({ lateSeconds }) => lateSeconds),
      limit: { atMost: LATE_SECONDS, inEachRound },
    },
    {
      ...figure("overload not said", "", () => 0),
      ours: rounds.map(({ ours }) => Number(!isRight(ours) && !saysOverloaded(ours))),
      peers: [],
      ...nothing,
    },
    {
      ...figure("wait for the account, p99", "ms", ({ queueDelayP99Ms = 0 }) => queueDelayP99Ms),
      peers: [],
    },
  ];
}

const hasAll = ({ lost, lateSeconds }: Part): boolean => lost === 0 && lateSeconds <= LATE_SECONDS;

const isFair = ({ go }: Round): boolean => hasAll(go) && go.p99Ms <= TIMELY_MS;

/** Whether the run's verdict on latency would be right: it goes by p95. */
const isRight = (part: Part): boolean => hasAll(part) && part.p95Ms <= TIMELY_MS;

/** Whether the run says "generator overloaded": the targets of a load test ask the same. */
const saysOverloaded = ({ queueDelayP95Ms = 0, lagP95Ms = 0 }: Part): boolean =>
  Math.max(queueDelayP95Ms, lagP95Ms) > LONGEST_WAIT_MS;

/** "1.4 × (2.6 to 1.9 ms)", and what else is to be said of a round. */
function inWords(round: Round): string {
  const { ours, go } = round;
  const times = `${(ours.p99Ms / go.p99Ms).toFixed(1)} × (${ours.p99Ms.toFixed(1)} to ${go.p99Ms.toFixed(1)} ms)`;
  const overload = saysOverloaded(ours) ? " generator overloaded" : "";
  return `${times}${isRight(ours) ? "" : " k6 did not keep up"}${overload}${isFair(round) ? "" : " Go did not keep up"}`;
}
