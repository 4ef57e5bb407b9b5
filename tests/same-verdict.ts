import { spawn } from "node:child_process";
import type { RunRecord } from "../record/record.ts";
import { type ByTest, type ExpectedVersion, VERSIONS } from "./fault-matrix.ts";
import { deviationsByTest, isOverloaded, playOnce } from "./play.ts";

/** One run of so many may say that the load generator was overloaded: that is no verdict on the server. */
const RUNS_FOR_ONE_OVERLOADED = 30;

interface Judging {
  version: ExpectedVersion;
  round: number;
}

/**
 * Runs the whole suite in profile smoke against every version of the server, three at a time, again and again, beside a
 * process that spins. Resolves to the verdicts that were wrong, in words.
 */
export async function sameVerdict(rounds: number): Promise<string[]> {
  const spinning = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const wrong: string[] = [];
  let overloaded = 0;
  const judge = async ({ version, round }: Judging) => {
    const name = `${version.behaviour}, ${round} of ${rounds}`;
    const found = await judgeOnce(round, version);
    if (found.isOverloaded) overloaded++;
    wrong.push(...found.wrong.map((text) => `${name}: ${text}`));
    const end = found.isOverloaded ? "overloaded" : "";
    console.log(`${name}: ${[...found.wrong, end].filter(Boolean).join("; ") || "as expected"}`);
  };
  try {
    await Promise.all(lanesOf(rounds).map((lane) => inTurn(lane, judge)));
  } finally {
    spinning.kill("SIGKILL");
  }
  const runs = rounds * VERSIONS.length;
  const most = Math.ceil(runs / RUNS_FOR_ONE_OVERLOADED);
  console.log(`${runs} runs: ${wrong.length} wrong verdicts, ${overloaded} overloaded`);
  return overloaded > most
    ? [...wrong, `${overloaded} of ${runs} runs were overloaded, ${most} may be`]
    : wrong;
}

/** Two lanes of the version that freezes, which waits for most of its time, beside one of those that do not. */
function lanesOf(rounds: number): Judging[][] {
  const all = Array.from({ length: rounds }, (_, i) =>
    VERSIONS.map((version) => ({ version, round: i + 1 })),
  ).flat();
  const freezes = ({ version }: Judging) => version.behaviour === "sse-2025-09";
  const frozen = all.filter(freezes);
  return [
    frozen.filter(({ round }) => round % 2 === 0),
    frozen.filter(({ round }) => round % 2 === 1),
    all.filter((one) => !freezes(one)),
  ];
}

async function inTurn(lane: readonly Judging[], judge: (one: Judging) => Promise<void>): Promise<void> {
  for (const one of lane) await judge(one);
}

/** Where a version offers both transports, they take turns. */
async function judgeOnce(round: number, version: ExpectedVersion) {
  const transport = version.transports[round % version.transports.length] ?? "sse";
  const { record } = await playOnce({ transport, serverArgs: ["--behaviour", version.behaviour] });
  const overloaded = isOverloaded(record);
  const expected = overloaded ? excused(record, version.tests) : version.tests;
  return { isOverloaded: overloaded, wrong: deviationsByTest(record, expected) };
}

/** What an overloaded generator may withhold; all other verdicts must be right. */
const excused = ({ tests }: RunRecord, expected: ByTest): ByTest =>
  Object.fromEntries(
    tests.map(({ name }) => {
      const { missed, either = [], noData = [] } = expected[name as keyof ByTest] ?? { missed: [] };
      const withheld = ["message-latency", "throughput", "scaling"] as const;
      return [name, { missed, either: [...either, ...withheld], noData: [...noData, ...withheld] }];
    }),
  );
