// `npm run soak`: long work in one command. What the project has, again and again, with many streams, and for long.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Command } from "commander";
import { judge } from "../bench/figures.ts";
import { overBoth } from "../bench/measuring.ts";
import { longMemory } from "../bench/memory.ts";
import { isChosen, partsArgument, positive } from "../bench/options.ts";
import { build, startSource } from "../bench/processes.ts";
import { figureTable } from "../bench/table.ts";
import { TRANSPORTS, type Transport } from "../record/record.ts";
import { columns } from "../reports/terminal.ts";
import { ROOT } from "./harness.ts";
import { HARSH_CASES } from "./harsh/cases.ts";
import { wrongIn } from "./harsh/play.ts";
import { killWriters } from "./killed-writers.ts";
import { manyStreams } from "./many-streams.ts";
import { sameVerdict } from "./same-verdict.ts";

interface Amounts {
  /** How often the Go tests are run. */
  times: number;
  /** How often the unit tests are run, and the suite against each version of the server. */
  rounds: number;
  /** How many streams one k6 holds at once. */
  streams: number;
  /** For how long k6's memory is watched. */
  minutes: number;
  /** How often a writer of records is killed. */
  kills: number;
  /** For how long the parser is given random input, as Go says it. */
  fuzz: string;
}

/** Each part resolves to what went wrong, in words. */
const PARTS: Record<string, (amounts: Amounts) => Promise<string[]>> = {
  go: ({ times }) => succeeds("go", ["test", "-race", "-timeout=0", `-count=${times}`, "./..."], "xk6-sse"),
  fuzz: ({ fuzz }) =>
    succeeds("go", ["test", "-fuzz=FuzzParser", `-fuzztime=${fuzz}`, "./eventstream"], "xk6-sse"),
  unit: ({ rounds }) => repeated(rounds, () => succeeds(process.execPath, ["tests/run.mjs", "unit"])),
  verdicts: ({ rounds }) => sameVerdict(rounds),
  streams: ({ streams }) => overEach((transport) => manyStreams({ transport, streams, seconds: 40 })),
  harsh: harshWorld,
  records: ({ kills }) => killWriters(kills),
  memory: ({ minutes }) => steadyMemory(minutes * 60),
};

async function succeeds(program: string, args: readonly string[], folder = ""): Promise<string[]> {
  const child = spawn(program, args, { cwd: join(ROOT, folder), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  return code === 0 ? [] : [`${program} ${args.join(" ")} ended with ${code}:\n${output.trim()}`];
}

async function repeated(times: number, once: () => Promise<string[]>): Promise<string[]> {
  const wrong: string[] = [];
  for (let time = 1; time <= times; time++) {
    wrong.push(...(await once()).map((text) => `${time} of ${times}: ${text}`));
  }
  return wrong;
}

async function overEach(part: (transport: Transport) => Promise<string[]>): Promise<string[]> {
  const wrong: string[] = [];
  for (const transport of TRANSPORTS) wrong.push(...(await part(transport)));
  return wrong;
}

/** Every case of a harsh world over both transports, two at a time. */
async function harshWorld(): Promise<string[]> {
  const queue = TRANSPORTS.flatMap((transport) =>
    HARSH_CASES.filter(({ over = transport }) => over === transport).map((harsh) => ({ harsh, transport })),
  );
  const wrong: string[] = [];
  async function work(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { harsh, transport } = next;
      const found = await wrongIn(harsh, transport);
      if (found.length > 0) wrong.push(`${harsh.name}, over ${transport}: ${found.join("; ")}`);
    }
  }
  await Promise.all([work(), work()]);
  return wrong;
}

async function steadyMemory(seconds: number): Promise<string[]> {
  await build();
  const source = await startSource();
  const measuring = overBoth(longMemory(seconds), { atOnce: true });
  const figures = await measuring({ url: source.url, rounds: 1, quick: false }).finally(source.stop);
  console.log(figureTable(figures));
  return figures
    .filter((figure) => judge(figure) !== "met")
    .map(({ what, over }) => `${what}, over ${over}: missed`);
}

async function soak(names: readonly string[], amounts: Amounts): Promise<number> {
  const rows: string[][] = [];
  const problems: string[] = [];
  for (const [name, part] of Object.entries(PARTS)) {
    if (!isChosen(name, names)) continue;
    const started = Date.now();
    const wrong = await part(amounts).catch((error: Error) => [error.message]);
    problems.push(...wrong.map((text) => `${name}: ${text}`));
    const seconds = Math.round((Date.now() - started) / 1_000);
    rows.push([wrong.length === 0 ? "passed" : "FAILED", name, `${seconds} s`]);
    console.log(columns(rows.slice(-1)));
  }
  for (const problem of problems) console.log(`✗ ${problem}`);
  console.log(`\n${columns(rows)}\n${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

await new Command("npm run soak --")
  .description("Repeats what the project has, with many streams and for long: two to three hours.")
  .addArgument(partsArgument(Object.keys(PARTS)))
  .option("--times <n>", "how often the Go tests are run", positive, 100)
  .option(
    "--rounds <n>",
    "how often the unit tests are run, and the suite against each version",
    positive,
    20,
  )
  .option("--streams <n>", "how many streams one k6 holds at once, a multiple of 200", positive, 10_000)
  .option("--minutes <n>", "for how long k6's memory is watched at 1,000 messages a second", positive, 20)
  .option("--kills <n>", "how often each writer of records is killed while it writes", positive, 300)
  .option("--fuzz <time>", "for how long the parser is given random input", "60s")
  .action(async (names: string[], amounts: Amounts) => {
    process.exitCode = await soak(names, amounts);
  })
  .parseAsync();
