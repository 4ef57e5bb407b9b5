import { spawn } from "node:child_process";
import type { RunRecord } from "../record/record.ts";
import { type ByTest, type ExpectedVersion, VERSIONS } from "./fault-matrix.ts";
import { deviationsByTest, isOverloaded, playOnce } from "./play.ts";

/** One run of so many may say that the load generator was overloaded: that is no verdict on the server. */
const RUNS_FOR_ONE_OVERLOADED = 30;

/**
 * Runs the whole suite in profile smoke against every version of the server, two at a time, again and again, beside a
 * process that spins. Resolves to the verdicts that were wrong, in words.
 */
export async function sameVerdict(rounds: number): Promise<string[]> {
  const spinning = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const wrong: string[] = [];
  let overloaded = 0;
  try {
    for (let round = 1; round <= rounds; round++) {
      const judge = async (version: ExpectedVersion) => {
        const name = `${version.behaviour}, ${round} of ${rounds}`;
        const found = await judgeOnce(round, version);
        if (found.isOverloaded) overloaded++;
        wrong.push(...found.wrong.map((text) => `${name}: ${text}`));
        const end = found.isOverloaded ? "overloaded" : "";
        console.log(`${name}: ${[...found.wrong, end].filter(Boolean).join("; ") || "as expected"}`);
      };
      await Promise.all(LANES.map((lane) => inTurn(lane, judge)));
    }
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

/** The version that freezes beside those that do not: it waits for most of its time. */
const LANES = [
  VERSIONS.filter(({ behaviour }) => behaviour === "sse-2025-09"),
  VERSIONS.filter(({ behaviour }) => behaviour !== "sse-2025-09"),
];

async function inTurn(
  versions: readonly ExpectedVersion[],
  judge: (version: ExpectedVersion) => Promise<void>,
): Promise<void> {
  for (const version of versions) await judge(version);
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
