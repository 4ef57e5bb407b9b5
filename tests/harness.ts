import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { k6Binary } from "../cli/k6.ts";
import { NO_PROMETHEUS, type PrometheusOutput } from "../cli/prometheus.ts";
import { type RunningServer, startServer } from "../cli/servers.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";
import type { AdminCounts } from "../server/admin.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Why a test that needs something cannot run here; false where it can. In CI everything has to be there. */
export function without(isThere: boolean, what: string): string | false {
  if (!isThere && process.env.CI) throw new Error(`CI has to have what the tests need: ${what}`);
  return isThere ? false : `${what}: not checked`;
}

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
export async function countsOf({ url }: { url: string }): Promise<AdminCounts> {
  const response = await fetch(`${url}/admin/counts`);
  return (await response.json()) as AdminCounts;
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

/** Starts one instance of a run, as k6-operator would. Instances have one RUN_ID. */
export function oneOf(
  script: string,
  number: number,
  of: number,
  settings: Record<string, string>,
  { args, env } = NO_PROMETHEUS,
) {
  const variables = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const parts = ["--quiet", "--address", "", ...segment(number, of), ...args, ...variables];
  return run(k6Binary(), ["run", ...parts, `dist/${script}.js`], env);
}

/** Starts all instances of a run, and says where their figures are sent. */
export const instances = (
  script: string,
  of: number,
  settings: Record<string, string>,
  output: PrometheusOutput = NO_PROMETHEUS,
) => Array.from({ length: of }, (_, i) => oneOf(script, i + 1, of, settings, output));

/** The plans on a server. */
export async function plansOn(url: string): Promise<{ plan_id: string; prompt: string }[]> {
  return (await (await fetch(`${url}/api/plans`)).json()) as { plan_id: string; prompt: string }[];
}

/** The plans of tests on a server: not those by which a run learns its time. */
export const loadOn = async (url: string) =>
  (await plansOn(url)).filter(({ prompt }) => !prompt.startsWith("What time is it?"));

/** The instances that have plans of their tests on a server. */
export async function loadedBy(url: string): Promise<string[]> {
  const load = await loadOn(url);
  return [...new Set(load.flatMap(({ prompt }) => /instance (\d-of-\d)/.exec(prompt)?.[1] ?? []))];
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

/** A webhook, and what it was sent. */
export async function webhook(t: TestContext) {
  const bodies: { text: string; verdict?: string }[] = [];
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(JSON.parse(body));
    response.end();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/secret`, bodies };
}
