// `npm run bench`: what the measuring instrument costs, each figure beside its limit and its peers in the same run.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command } from "commander";
import { type Figure, judge } from "./figures.ts";
import { build, startSource } from "./processes.ts";
import { type Bench, ROWS, type Row } from "./rows.ts";
import { figureTable } from "./table.ts";

/** How many rows are measured at once that do not need the machine for themselves. */
const AT_ONCE = 3;

interface BenchOptions {
  quick?: boolean;
  rounds?: string;
  json?: string;
}

await new Command("npm run bench --")
  .description(
    "Measures what the load generator costs, and prints each figure beside its limit and its peers.",
  )
  .argument("[rows...]", `which rows: ${ROWS.map(({ name }) => name).join(", ")}; all when not given`)
  .option("--quick", "in a minute or two, and roughly")
  .option("--rounds <n>", "how often processor time and latency are measured (3, with --quick 1)")
  .option("--json <file>", "write the figures to this file as well")
  .action(async (names: string[], options: BenchOptions) => {
    process.exitCode = await bench(names, options);
  })
  .parseAsync();

async function bench(names: string[], { quick = false, rounds, json }: BenchOptions): Promise<number> {
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) {
    console.error(`no row ${unknown.join(", ")}: there are ${ROWS.map(({ name }) => name).join(", ")}`);
    return 1;
  }
  const started = Date.now();
  const rows = ROWS.filter(({ name }) => names.length === 0 || names.includes(name));
  await build();
  const source = await startSource();
  try {
    const figures = await measureRows(rows, {
      url: source.url,
      quick,
      rounds: Number(rounds ?? (quick ? 1 : 3)),
    });
    const seconds = Math.round((Date.now() - started) / 1_000);
    console.log(`\n${figureTable(figures)}\n\n${rows.length} rows in ${seconds} s`);
    if (json !== undefined) writeFileSync(json, document(figures, seconds));
    return figures.some((figure) => judge(figure) === "missed") ? 1 : 0;
  } finally {
    source.stop();
  }
}

/** First one by one those that need the machine for themselves, then the others, a few at once. In the order of the table. */
async function measureRows(rows: readonly Row[], bench: Bench): Promise<Figure[]> {
  const figures = new Map<Row, Figure[]>();
  const work = async (queue: Row[]) => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      const started = Date.now();
      figures.set(row, await row.measure(bench));
      console.error(`${row.name}: ${Math.round((Date.now() - started) / 1_000)} s`);
    }
  };
  await work(rows.filter(({ alone }) => alone));
  const others = rows.filter(({ alone }) => !alone).reverse();
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(others)));
  return rows.flatMap((row) => figures.get(row) ?? []);
}

function document(figures: readonly Figure[], seconds: number): string {
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model, cpus: cpus().length, node: process.version };
  const judged = figures.map((figure) => ({ ...figure, verdict: judge(figure) }));
  return `${JSON.stringify({ at: new Date().toISOString(), seconds, machine, figures: judged }, undefined, 1)}\n`;
}
