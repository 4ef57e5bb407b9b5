import type { Figure } from "./figures.ts";
import { accounted, byTurns, GO_ACCOUNT, goAccount, type Measuring } from "./measuring.ts";
import { type Load, measure, type Outcome, outcomeOf, type Run } from "./processes.ts";

const USERS = 10;
const STREAMS = 5;

/** A client keeps up that receives all of it, in time, and as timely as the test plan asks of the server. */
const TIMELY_MS = 100;
const LATE_SECONDS = 2;
/** What is not received so long after the last message was due is not waited for. */
const BREAK_OFF_SECONDS = 5;
/** Above this wait for the account, or this lateness of timers (p95), a run says "generator overloaded". */
const OVERLOADED_MS = 10;

/** What came of a client in a round. */
interface Round extends Outcome {
  lost: number;
  /** What it took beyond the time in which the messages were sent: its start, and how late it was. */
  lateSeconds: number;
}

/** 50 streams at a fixed rate, beside a Go client that does the same. */
export const atRate =
  ({ rate, inEachRound = false }: { rate: number; inEachRound?: boolean }): Measuring =>
  async ({ url, rounds, quick }, over) => {
    const seconds = quick ? 2 : 5;
    const plan = `messages=${rate * seconds}&rate=${rate}`;
    const load: Load = { plan, users: USERS, streams: STREAMS, limit: seconds + BREAK_OFF_SECONDS };
    const [ours = [], go = []] = await byTurns(rounds, [accounted, goAccount], async (client) =>
      roundOf(await measure(client(url, over, load)), rate * seconds * USERS * STREAMS, seconds),
    );
    const fair = go.flatMap((round, i) => (keepsUp(round) ? [i] : []));
    const figure = (what: string, unit: string, read: (round: Round) => number): Figure => ({
      what: `${USERS * STREAMS} × ${rate}/s: ${what}`,
      over,
      unit,
      ours: pick(ours, fair).map(read),
      peers: [{ name: GO_ACCOUNT, values: pick(go, fair).map(read) }],
      ...(fair.length < rounds && { note: `${rounds - fair.length} rounds left out: Go did not keep up` }),
    });
    const nothing = { limit: { atMost: 0, inEachRound: true } };
    return [
      { ...figure("p99", "ms", ({ p99Ms }) => p99Ms), limit: { timesPeer: 3, inEachRound } },
      { ...figure("lost", "", ({ lost }) => lost), ...nothing },
      {
        ...figure("late", "s", ({ lateSeconds }) => lateSeconds),
        limit: { atMost: LATE_SECONDS, inEachRound },
      },
      { ...figure("overload not said", "", (round) => Number(isUnsaid(round))), ...nothing, peers: [] },
      {
        ...figure("wait for the account, p99", "ms", ({ queueDelayP99Ms = 0 }) => queueDelayP99Ms),
        peers: [],
      },
    ];
  };

const pick = (rounds: readonly Round[], indices: readonly number[]): Round[] =>
  rounds.filter((_, i) => indices.includes(i));

function roundOf(run: Run, due: number, seconds: number): Round {
  const outcome = outcomeOf(run);
  const lost = due - (outcome.received - (outcome.duplicates ?? 0));
  return { ...outcome, lost, lateSeconds: run.seconds - seconds };
}

const keepsUp = ({ lost, p99Ms, lateSeconds }: Round): boolean =>
  lost === 0 && p99Ms <= TIMELY_MS && lateSeconds <= LATE_SECONDS;

/** Whether a run whose verdict on latency would be wrong does not say so: verdicts go by p95. */
function isUnsaid({ lost, p95Ms, lateSeconds, queueDelayP95Ms = 0, lagP95Ms = 0 }: Round): boolean {
  const isRight = lost === 0 && p95Ms <= TIMELY_MS && lateSeconds <= LATE_SECONDS;
  return !isRight && Math.max(queueDelayP95Ms, lagP95Ms) <= OVERLOADED_MS;
}
