import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { k6Binary } from "../cli/k6.ts";
import { type RunningServer, startServer } from "../cli/servers.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A reference server that is stopped after the test. */
export async function server(t: TestContext, ...args: string[]): Promise<RunningServer> {
  const running = await startServer(args);
  t.after(() => running.stop());
  return running;
}

/** What a server counts: see /admin/counts. */
export async function countsOf({
  url,
}: {
  url: string;
}): Promise<Record<"plans" | "running" | "orphans", number>> {
  const response = await fetch(`${url}/admin/counts`);
  return (await response.json()) as Record<"plans" | "running" | "orphans", number>;
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program that runs, what it has said so far, and its end. */
export function run(program: string, args: readonly string[], env: Record<string, string> = {}, cwd = ROOT) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, K6_NO_USAGE_REPORT: "true", K6_AUTO_EXTENSION_RESOLUTION: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const finished = once(child, "close").then(([code]): Finished => ({ code, ...output }));
  return { child, output, finished };
}

/** `k6 run` of one of the load tests, without any wrapper. */
export function k6(script: string, settings: Record<string, string>) {
  const variables = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  return run(k6Binary(), ["run", "--quiet", ...variables, `dist/${script}.js`]);
}

/** `--execution-segment` and its sequence for the `number`-th of `of` instances. */
export function segment(number: number, of: number): string[] {
  const bounds = Array.from({ length: of + 1 }, (_, i) => (i === 0 ? "0" : i === of ? "1" : `${i}/${of}`));
  return [
    `--execution-segment=${bounds[number - 1]}:${bounds[number]}`,
    `--execution-segment-sequence=${bounds.join(",")}`,
  ];
}

/** The record of the only run in `directory`. */
export function onlyRecord(directory: string): RunRecord {
  const [run, ...others] = readdirSync(directory);
  if (run === undefined || others.length > 0) throw new Error(`${directory} holds ${others.length + 1} runs`);
  const path = join(directory, run, "run.json");
  return parseRecord(readFileSync(path, "utf8"), path);
}

/** Waits until `condition` holds; gives up after `ms`. */
export async function until(condition: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
