import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Command, InvalidArgumentError, Option } from "commander";
import { BEHAVIOUR_NAMES, type BehaviourName, FaultError, listFaults } from "./faults.ts";
import { JOB_LIMITS } from "./pipeline.ts";
import { createReferenceServer, type ReferenceServer, SERVER_DEFAULTS } from "./server.ts";

interface CliOptions {
  port: number;
  host: string;
  behaviour: BehaviourName;
  fault: string[];
  seed: number;
  lines: number;
  rate: number;
  exit: number;
  restartMs: number;
  metrics: boolean;
  memory: number;
  listFaults?: true;
}

/**
 * What a plan server and its pipeline hold by themselves. Without it a percent of the process an hour, the target, is
 * less than Node's own heap creeps by: docs/endurance.md has the figures.
 */
const HELD_MIB = 128;

/** An empty one, as of a variable that is not set, would be all interfaces to Node. */
function interfaceName(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must be a name or an address.");
  return text;
}

function commandLine(): Command {
  const { host, port, behaviour, seed, pipeline, restartMs } = SERVER_DEFAULTS;
  return new Command("server")
    .description(
      "The plan API with a simulated pipeline, with or without the faults of its released versions.",
    )
    .option("--port <n>", "port to listen on; 0 takes a free one", whole(0, 65_535), port)
    .option("--host <name>", "interface to listen on", interfaceName, host)
    .addOption(
      new Option("--behaviour <name>", "what to behave like").choices(BEHAVIOUR_NAMES).default(behaviour),
    )
    .option(
      "--fault <name[=value]>",
      "add a fault; may be repeated",
      (fault, all: string[]) => [...all, fault],
      [],
    )
    .option("--seed <n>", "seed of what is left to chance", whole(0, 2 ** 32 - 1), seed)
    .option("--lines <n>", "log lines of a pipeline", whole(...JOB_LIMITS.lines), pipeline.lines)
    .option("--rate <n>", "log lines a second", number(...JOB_LIMITS.rate), pipeline.rate)
    .option("--exit <n>", "exit code of a pipeline", whole(...JOB_LIMITS.exit), pipeline.exit)
    .option("--restart-ms <n>", "ms after a crash until it listens again", whole(0, 600_000), restartMs)
    .option(
      "--memory <MiB>",
      "held from the start, as a server with its pipeline does",
      whole(0, 4_096),
      HELD_MIB,
    )
    .option("--no-metrics", "have no /metrics, as a real server may have none")
    .option("--list-faults", "list the faults and behaviours, and end");
}

function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
    }
    return value;
  };
}

function whole(least: number, most: number): (text: string) => number {
  const parse = number(least, most);
  return (text) => {
    if (!/^\d+$/.test(text)) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return parse(text);
  };
}

/** What a failure to make or start the server is called; anything unforeseen is thrown on. */
function sentenceOf(error: unknown, { host, port }: CliOptions): string {
  if (error instanceof FaultError) {
    return error.message;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) {
    throw error;
  }
  return code === "EADDRINUSE"
    ? `port ${port} of ${host} is in use`
    : `cannot listen on port ${port} of ${host}: ${message}`;
}

/** Filled, because untouched pages take no memory; kept for the life of the process. */
const held: Buffer[] = [];

const COLLECT_MS = 10_000;

/** Collects garbage again and again, so that the memory of the process is what it holds, and not what V8 has yet to free. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  setInterval(collect, COLLECT_MS).unref();
}

/** On a signal, or when the parent that this process has a channel to is gone. */
function stopWhenTold(server: ReferenceServer): void {
  const stop = async () => {
    await server.stop();
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.once("disconnect", stop);
}

async function serve(command: Command, options: CliOptions): Promise<void> {
  const {
    host,
    port,
    behaviour,
    fault: faults,
    seed,
    lines,
    rate,
    exit,
    restartMs,
    metrics,
    memory,
  } = options;
  try {
    const pipeline = { lines, rate, exit };
    const settings = { host, port, behaviour, faults, seed, pipeline, restartMs, metrics };
    const server = createReferenceServer(settings);
    stopWhenTold(server);
    held.push(Buffer.alloc(memory * 1024 ** 2, 1));
    collectGarbage();
    const listening = await server.start();
    console.log(`Simulated plan API (${server.description}) listening on http://${host}:${listening}`);
    process.send?.({ listening });
  } catch (error) {
    command.error(`error: ${sentenceOf(error, options)}`);
  }
}

const command = commandLine().parse();
const options = command.opts<CliOptions>();
if (options.listFaults) {
  console.log(listFaults());
} else {
  await serve(command, options);
}
