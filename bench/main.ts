// `npm run bench`: what the measuring instrument costs, each figure beside its limit and its peers in the same run.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command } from "commander";
import { type Figure, judge, type Verdict } from "./figures.ts";
import type { Bench } from "./measuring.ts";
import { isChosen, partsArgument, positive } from "./options.ts";
import { build, startSource } from "./processes.ts";
import { ROWS, type Row } from "./rows.ts";
import { figureTable } from "./table.ts";

/** How many rows are measured at once that do not need the machine for themselves. */
const AT_ONCE = 3;

/** What is no miss. A figure that could not be measured is one: else a machine that is too busy would pass. */
const MET: readonly Verdict[] = ["met", "shown"];

interface BenchOptions {
  quick?: boolean;
  rounds?: number;
  json?: string;
}

/** A row that was measured, or could not be. */
interface Measured {
  figures: Figure[];
  failure?: string;
}

await new Command("npm run bench --")
  .description(
    "Measures what the load generator costs, and prints each figure beside its limit and its peers.",
  )
  .addArgument(partsArgument(ROWS.map(({ name }) => name)))
  .option("--quick", "in a few minutes instead of twelve, and roughly")
  .option("--rounds <n>", "how often processor time and latency are measured (3; with --quick 1)", positive)
  .option("--json <file>", "write the figures to this file as well")
  .action(async (names: string[], options: BenchOptions) => {
    process.exitCode = await bench(names, options);
  })
  .parseAsync();

async function bench(names: string[], { quick = false, rounds, json }: BenchOptions): Promise<number> {
  const rows = ROWS.filter(({ name }) => isChosen(name, names));
  const started = Date.now();
  await build();
  const source = await startSource();
  const measured = await measureRows(rows, {
    url: source.url,
    quick,
    rounds: rounds ?? (quick ? 1 : 3),
  });
  source.stop();
  const figures = measured.flatMap((one) => one.figures);
  const failures = measured.flatMap(({ failure = [] }) => failure);
  const seconds = Math.round((Date.now() - started) / 1_000);
  console.log(`\n${figureTable(figures)}\n\n${rows.length} of ${ROWS.length} rows in ${seconds} s`);
  for (const failure of failures) console.log(`✗ ${failure}`);
  if (json !== undefined) writeFileSync(json, document(figures, seconds));
  const isMet = figures.every((figure) => MET.includes(judge(figure)));
  return isMet && failures.length === 0 ? 0 : 1;
}

/** First one by one those that need the machine for themselves, then the others, a few at once. */
async function measureRows(rows: readonly Row[], bench: Bench): Promise<Measured[]> {
  const measured = new Map<Row, Measured>();
  const work = async (queue: Row[]) => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      const started = Date.now();
      measured.set(row, await measureRow(row, bench));
      console.error(`${row.name}: ${Math.round((Date.now() - started) / 1_000)} s`);
    }
  };
  await work(rows.filter(({ alone }) => alone));
  // The longest is the last of the table.
  const others = rows.filter(({ alone }) => !alone).reverse();
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(others)));
  return rows.flatMap((row) => measured.get(row) ?? []);
}

async function measureRow(row: Row, bench: Bench): Promise<Measured> {
  try {
    return { figures: await row.measure(bench) };
  } catch (error) {
    return { figures: [], failure: `${row.name} could not be measured: ${(error as Error).message}` };
  }
}

function document(figures: readonly Figure[], seconds: number): string {
  const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version };
  const judged = figures.map((figure) => ({ ...figure, verdict: judge(figure) }));
  return `${JSON.stringify({ at: new Date().toISOString(), seconds, machine, figures: judged }, undefined, 1)}\n`;
}
