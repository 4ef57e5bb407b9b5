import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { baselineNames, readBaseline } from "./baselines.ts";
import { isTemporary } from "./files.ts";

const DAY_MS = 86_400_000;
/** The ids of runs and comparisons begin with their time (UTC). */
const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/;

/**
 * Removes from a directory of results the runs and comparisons that are older than `days`; those of baselines stay, and
 * so does all that is no run or comparison of ours. Returns the names of what was removed.
 */
export function prune(out: string, days: number, now = Date.now()): string[] {
  if (!existsSync(out)) return [];
  const kept = new Set(baselineNames(out).flatMap((name) => readBaseline(out, name)?.runs ?? []));
  const old = readdirSync(out, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !kept.has(entry.name))
    .map(({ name }) => name)
    .filter((name) => startedAt(name) < now - days * DAY_MS && isOurs(join(out, name)));
  for (const name of old) rmSync(join(out, name), { recursive: true, force: true });
  return old;
}

/** When the run of an id began, in milliseconds since the epoch; never for another name. */
function startedAt(id: string): number {
  const [, year, month, day, hour, minute, second] = STAMP.exec(id) ?? [];
  return year === undefined
    ? Number.POSITIVE_INFINITY
    : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Whether a directory holds a run, its instances, a comparison, or only what one that was killed had begun to write. */
function isOurs(directory: string): boolean {
  const names = readdirSync(directory);
  return (
    names.every(isTemporary) ||
    names.some((name) => /^(run|comparison)\.json$|^\d+-of-\d+$|^calibration$/.test(name))
  );
}
