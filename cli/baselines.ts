import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { BASELINES } from "../record/directory.ts";
import { saveFile } from "./files.ts";

const baselineSchema = v.object({
  name: v.string(),
  savedAt: v.string(),
  /** The runs' directories, below the directory of results. */
  runs: v.array(v.string()),
});
export type Baseline = v.InferOutput<typeof baselineSchema>;

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const TAKEN = ["latest", "previous", ".", ".."];

/** @throws Error with one sentence for a name that cannot be used */
export function requireBaselineName(name: string): void {
  if (NAME.test(name) && !TAKEN.includes(name)) return;
  throw new Error(
    `"${name}" cannot name a baseline: allowed are 1 to 64 letters, digits, dots, hyphens and underscores, but not latest and previous`,
  );
}

/** @throws Error with one sentence for a name that cannot be used */
export function saveBaseline(out: string, name: string, runs: readonly string[]): void {
  requireBaselineName(name);
  const baseline: Baseline = { name, savedAt: new Date().toISOString(), runs: [...runs] };
  saveFile(join(out, BASELINES), `${name}.json`, `${JSON.stringify(baseline, undefined, 1)}\n`);
}

/** Undefined where there is none of this name. */
export function readBaseline(out: string, name: string): Baseline | undefined {
  const path = join(out, BASELINES, `${name}.json`);
  if (!NAME.test(name) || !existsSync(path)) return undefined;
  try {
    return v.parse(baselineSchema, JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw new Error(`${path} is not a baseline: save it anew with npm run baseline -- --save ${name}`);
  }
}

export function baselineNames(out: string): string[] {
  const directory = join(out, BASELINES);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length));
}
