import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { NO_PROMETHEUS, type PrometheusOutput } from "./prometheus.ts";

/** The project's folder, as short as it can be said from here: a command in a report should be one to type. */
const ROOT = relative(process.cwd(), fileURLToPath(new URL("..", import.meta.url)));

/** Where k6 is: K6_BIN, or the one that the build makes. */
export const k6Binary = (): string => process.env.K6_BIN || [ROOT || ".", "bin", "k6"].join(sep);

/** How a run of k6 ended. */
export interface K6Exit {
  code: number;
  /** All that k6 logged. */
  log: string;
}

/**
 * Runs a load test with these settings and no others, with k6's own progress where `terminal` is one, and silently
 * where it is undefined; `output` says where its figures are sent beside the record. k6 is in a process group of its own,
 * and is handed an interrupt exactly once: a second one would keep it from tidying up.
 */
export function runK6(
  script: string,
  settings: Record<string, string>,
  terminal: NodeJS.WriteStream | undefined,
  output: PrometheusOutput = NO_PROMETHEUS,
): Promise<K6Exit> {
  const progress = terminal?.isTTY ? [] : ["--quiet"];
  const { args, env } = k6Command(script, settings);
  const child = spawn(k6Binary(), ["run", ...progress, ...output.args, ...args], {
    detached: true,
    stdio: ["ignore", terminal ?? "ignore", "pipe"],
    env: {
      ...env,
      ...(terminal?.isTTY ? { COLUMNS: String(terminal.columns) } : {}),
      ...output.env,
    },
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    process.stderr.write(text);
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  // A terminal that is closed (SIGHUP) ends k6 as an interrupt does, so that it tidies up.
  const hangUp = () => child.kill("SIGINT");
  process.once("SIGINT", forward).once("SIGTERM", forward).once("SIGHUP", hangUp);
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`k6 could not be run: ${error.message}; run npm run build`)),
    );
    child.once("close", (code) => {
      process.off("SIGINT", forward).off("SIGTERM", forward).off("SIGHUP", hangUp);
      resolve({ code: code ?? INTERRUPTED, log });
    });
  });
}

/**
 * Runs a script that loads nothing, and answers in JSON.
 * @throws Error with what k6 did instead
 */
export async function askK6<Answer>(
  script: string,
  settings: Record<string, string>,
  schema: v.GenericSchema<unknown, Answer>,
): Promise<Answer> {
  const { args, env } = k6Command(script, settings);
  const child = spawn(k6Binary(), ["run", "--quiet", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  await once(child, "close").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${k6Binary()} cannot be run (${error.code})`);
  });
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), said.stdout);
  if (result.success) return result.output;
  throw new Error(`${k6Binary()} ended without an answer (${said.stderr.trim().split("\n").at(-1) ?? ""})`);
}

/** What follows `k6 run` for a script with these settings and no others, and the environment of that k6. */
export function k6Command(
  script: string,
  settings: Record<string, string>,
): { args: string[]; env: NodeJS.ProcessEnv } {
  const variables = Object.entries(settings).flatMap(([name, value]) =>
    value === "" ? [] : ["-e", `${name}=${value}`],
  );
  const others = Object.entries(process.env).filter(([name]) => !(name in settings));
  const env = {
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
    K6_SUMMARY_MODE: "compact",
    K6_NEW_MACHINE_READABLE_SUMMARY: "false",
  };
  return {
    args: [...variables, join(ROOT, "dist", `${script}.js`)],
    env: { ...Object.fromEntries(others), ...env },
  };
}

/** k6's exit code for a run that was interrupted. */
export const INTERRUPTED = 105;
/** k6's exit code for a run that missed a target. */
export const MISSED = 99;
/** k6's exit code for a run that was refused before any load. */
export const REFUSED = 108;
