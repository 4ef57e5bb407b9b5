import { spawn } from "node:child_process";
import { once } from "node:events";
import * as v from "valibot";
import { type Check, checkSchema } from "../record/check.ts";
import { k6Binary, k6Command } from "./k6.ts";

/**
 * Has k6 itself look at everything that a load with these settings needs, in about a second and without loading: it is
 * k6 that has the limits of the process, the extension and the way to the server.
 */
export async function examine(settings: Record<string, string>): Promise<Check[]> {
  const { args, env } = k6Command("doctor", settings);
  const child = spawn(k6Binary(), ["run", "--quiet", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  try {
    await once(child, "close");
  } catch (error) {
    return [k6Fails(`cannot be run (${(error as NodeJS.ErrnoException).code})`)];
  }
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), v.array(checkSchema)), said.stdout);
  if (result.success && result.output.length > 0) return result.output;
  return [k6Fails(`ended without an answer (${said.stderr.trim().split("\n").at(-1) ?? ""})`)];
}

const k6Fails = (how: string): Check => ({
  name: "k6",
  isMet: false,
  text: `${k6Binary()} ${how}: run npm run build, or set K6_BIN to a k6 v2 with xk6-sse`,
});
