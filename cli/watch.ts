import { Command, InvalidArgumentError } from "commander";
import { serveProcessMetrics } from "./process-metrics.ts";
import { figuresOf, pidListeningOn } from "./process-tree.ts";

interface WatchOptions {
  pid?: number;
  port?: number;
  listen: number;
}

function whole(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

const program = new Command("npm run watch --")
  .description(
    "Serves memory, processor time, threads and open files of a process on this machine, its children included, as " +
      "Prometheus text: for servers that have no /metrics. Set SERVER_METRICS_URL to the address that it prints.",
  )
  .option("--pid <n>", "the process", whole)
  .option("--port <n>", "in place of a pid: the TCP port that the process listens on", whole)
  .option("--listen <n>", "the port to serve on; 0 takes a free one", whole, 9101)
  .allowExcessArguments(false)
  .action(watch);

async function watch({ pid, port, listen }: WatchOptions): Promise<void> {
  const watched = pid ?? (port === undefined ? undefined : pidListeningOn(port));
  if (watched === undefined) throw new Error("which process? Give --pid or --port");
  figuresOf(watched);
  const { url } = await serveProcessMetrics(watched, listen);
  process.stdout.write(`process ${watched}: SERVER_METRICS_URL=${url}\n`);
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
