import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunResults } from "../reports/json.ts";
import { MISSED } from "./k6.ts";
import { messageOf, notify, type Outcome, readNotifier } from "./notification.ts";
import { sentenceOf } from "./options.ts";
import { prune } from "./pruning.ts";

/** What a scheduled job does beside its runs. */
export interface JobOptions {
  out: string;
  baseline?: string;
  keep?: number;
}

/** Runs one of this project's programs to its end; stderr is passed on, and stdout returned. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string }> {
  const path = fileURLToPath(new URL(`../dist/${program}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    // A terminal's interrupt would reach it twice: it is handed on below.
    detached: true,
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.once("SIGINT", forward).once("SIGTERM", forward);
  const [code] = (await once(child, "close")) as [number | null];
  process.off("SIGINT", forward).off("SIGTERM", forward);
  return { code: code ?? 1, stdout };
}

/**
 * What follows the runs of a scheduled job: the candidate (the last run) is held against the baseline, old results go,
 * and the webhook is told. Returns the exit code: that of the runs, or 99 where something got worse, or 1 where what
 * follows failed.
 */
export async function conclude(
  runs: readonly RunResults[],
  code: number,
  { out, baseline, keep }: JobOptions,
): Promise<number> {
  const outcome: Outcome = { exitCode: code, runs, comparison: null, failures: [] };
  const steps = [
    async () => {
      if (baseline !== undefined && isVerdict(code)) await compare(outcome, baseline, out);
    },
    async () => {
      if (keep !== undefined) prune(out, keep);
    },
    async () => {
      const notifier = readNotifier(process.env);
      await notify(notifier, messageOf(outcome, out, notifier.REPORTS_URL));
    },
  ];
  for (const step of steps) {
    await step().catch((error: unknown) => {
      const sentence = sentenceOf(error);
      process.stderr.write(`${sentence}\n`);
      outcome.failures.push(sentence);
      if (outcome.exitCode === 0) outcome.exitCode = 1;
    });
  }
  return outcome.exitCode;
}

const isVerdict = (code: number): boolean => code === 0 || code === MISSED;

async function compare(outcome: Outcome, baseline: string, out: string): Promise<void> {
  const candidate = outcome.runs.at(-1);
  if (candidate === undefined) return;
  const { runId, transport, profile } = candidate;
  const sides = [baseline, runId, "--transport", transport, "--profile", profile, "--out", out];
  const { code, stdout } = await runProgram("compare", sides);
  process.stderr.write(stdout);
  const report = /^report: (.*)$/m.exec(stdout)?.[1];
  if (!isVerdict(code) || report === undefined) {
    throw new Error(
      `there is no comparison with the baseline ${baseline}: npm run baseline lists those there are`,
    );
  }
  outcome.comparison = { baseline, isWorse: code === MISSED, directory: basename(dirname(report)) };
  if (code === MISSED) outcome.exitCode = MISSED;
}
