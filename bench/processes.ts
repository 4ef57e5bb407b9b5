import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bundleForK6 } from "../bundle.mjs";
import { k6Binary } from "../cli/k6.ts";
import type { Transport } from "../record/record.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The Go program of the benchmark: source, client, and the measuring of processes. */
const BENCH = join(ROOT, "bin", "bench");
const SCRIPTS = join(ROOT, "bin", "bench-k6");
/** How long a load may take that has no end of its own. */
const LIMIT_SECONDS = 300;
const CLOSING_SECONDS = 5;
/** What a process may take beside its load before it is ended. */
export const MARGIN_SECONDS = 30;

/** What streams are opened, and for how long. */
export interface Load {
  /** The id of the plan, which tells the source what to send. */
  plan: string;
  /** Virtual users of k6. */
  users: number;
  /** Of each user. */
  streams: number;
  /** After how many seconds streams are closed that have not ended. */
  hold?: number;
  /** After how many seconds the client is broken off. */
  limit?: number;
}

/** What came of the streams, as the client that opened them says. */
export interface Outcome {
  received: number;
  duplicates?: number;
  reordered?: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** How long messages waited for the script. */
  queueDelayP95Ms?: number;
  queueDelayP99Ms?: number;
  /** By how much its timers came late. */
  lagP95Ms?: number;
  /** Messages whose latency was compared, the lowest of them, and how many had no fraction of a millisecond. */
  compared?: number;
  lowestMs?: number;
  wholeMs?: number;
}

/** What a process cost, and what it said. */
export interface Run {
  exitCode: number;
  seconds: number;
  cpuSeconds: number;
  /** Resident bytes, sample by sample. */
  resident: number[];
  stdout: string;
}

/** A program that opens streams: its command line. */
export type Client = (url: string, transport: Transport, load: Load) => string[];

export const goClient =
  (...flags: string[]): Client =>
  (url, transport, { plan, users, streams, limit = LIMIT_SECONDS, hold = limit }) => [
    ...[BENCH, "client", "--url", url, "--transport", transport, "--plan", plan],
    ...["--streams", String(users * streams), "--hold", `${hold}s`, ...flags],
  ];

/** k6 that takes messages in one of the ways of bench/k6/ways.ts. */
export const k6Client =
  (way: string): Client =>
  (
    url,
    transport,
    { plan, users, streams, hold = 0, limit = hold > 0 ? hold + CLOSING_SECONDS : LIMIT_SECONDS },
  ) =>
    k6Script("stream", {
      BASE_URL: url,
      TRANSPORT: transport,
      WAY: way,
      PLAN: plan,
      USERS: users,
      STREAMS: streams,
      HOLD: hold,
      LIMIT: limit,
    });

export function k6Script(script: string, settings: Record<string, string | number>): string[] {
  const variables = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  return [k6Binary(), "run", "--quiet", ...variables, join(SCRIPTS, `${script}.js`)];
}

/** Builds what the benchmark needs beside k6. */
export async function build(): Promise<void> {
  const go = spawn("go", ["build", "-o", BENCH, "./cmd/bench"], {
    cwd: join(ROOT, "xk6-sse"),
    stdio: "inherit",
  });
  const [code] = await once(go, "close");
  if (code !== 0) throw new Error("the Go program of the benchmark could not be built");
  const scripts = ["stream", "suite-user", "bare-user"];
  await bundleForK6(
    scripts.map((name) => `bench/k6/${name}.ts`),
    SCRIPTS,
  );
}

/** Starts the source of streams. It ends with this process at the latest. */
export async function startSource(): Promise<{ url: string; stop(): void }> {
  const source = spawn(BENCH, ["source"], { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = (await once(createInterface(source.stdout), "line")) as [string];
  return { url, stop: () => source.stdin.end() };
}

/** How many seconds after its last message was due the client of a turn had read all of it, and left. */
export async function latenessOf(url: string, meeting: string, turn: number): Promise<number> {
  const response = await fetch(`${url}/meetings/${meeting}/${turn}`);
  return (await response.json()) as number;
}

/**
 * Runs a command to its end, and looks at its memory on the way.
 * @throws Error where the command failed
 */
export async function measure(
  command: readonly string[],
  { everyMs = 200, limitSeconds = LIMIT_SECONDS + MARGIN_SECONDS } = {},
): Promise<Run> {
  const limits = ["--every", `${everyMs}ms`, "--limit", `${limitSeconds}s`];
  const child = spawn(BENCH, ["run", ...limits, "--", ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, K6_NO_USAGE_REPORT: "true", K6_AUTO_EXTENSION_RESOLUTION: "false" },
  });
  let [stdout, complaint] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, "close");
  const run = code === 0 ? (JSON.parse(stdout) as Run) : undefined;
  if (run?.exitCode !== 0)
    throw new Error(`${command.join(" ")} failed: ${complaint.trim() || run?.exitCode}`);
  return run;
}

export const outcomeOf = ({ stdout }: Run): Outcome => JSON.parse(stdout) as Outcome;
