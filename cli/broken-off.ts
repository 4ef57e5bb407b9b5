import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { readInstance } from "../record/instance.ts";
import type { Process, RunRecord } from "../record/record.ts";
import { DEFAULTS } from "../run/settings.ts";
import { readRecord } from "./files.ts";

/** A record, and where it is. */
export interface Found {
  directory: string;
  record: RunRecord;
}

/** The records in a run's directory that can be read: its own, and those of its instances. */
export function recordsOf(directory: string): Found[] {
  if (!existsSync(directory)) return [];
  const instances = readdirSync(directory).filter((name) => readInstance(name) !== undefined);
  return [directory, ...instances.map((name) => join(directory, name))].flatMap(readableAt);
}

/** What cannot be read is named by npm run history. */
function readableAt(directory: string): Found[] {
  try {
    const record = readRecord(directory);
    return record === undefined ? [] : [{ directory, record }];
  } catch {
    return [];
  }
}

/** The runs and instances in a directory of results whose k6, of this machine, is gone, and whose records say that they run. */
export function brokenOffRuns(out: string): RunRecord[] {
  if (!existsSync(out)) return [];
  return readdirSync(out, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      recordsOf(join(out, name))
        .map(({ record }) => record)
        .filter(isBrokenOff),
    );
}

const isBrokenOff = ({ state, by }: RunRecord): boolean =>
  state === "running" && by !== null && by.host === hostname() && !isAlive(by);

/** Whether a process is one of this machine, and has not ended. */
export function isAlive(process: Process): boolean {
  if (process === null || process.host !== hostname()) return false;
  try {
    const [state, ...others] = readFileSync(`/proc/${process.pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state !== "Z" && Number(others[START - 1]) === process.start;
  } catch {
    return false;
  }
}

/** Where the time of a process's start stands behind its state. */
const START = 19;

/** What a run that was killed may have left, and the command that deletes it. */
export const leftBy = ({ runId, target }: RunRecord, out: string): string =>
  `${runId} ended without a record of its end, and plans of it may be left on ${target.baseUrl}: npm run cleanup -- ${runId}${out === DEFAULTS.OUT_DIR ? "" : ` --out ${out}`} deletes them`;
