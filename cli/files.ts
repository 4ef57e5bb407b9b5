import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseRecord, type RunRecord } from "../record/record.ts";

/** The id of a run or a comparison: time (UTC), what it is, and four hex digits. */
export function makeId(label: string, now = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  return `${stamp}-${label}-${randomBytes(2).toString("hex")}`;
}

/** Writes a file whole: under another name first. Makes its directory. */
export function saveFile(directory: string, name: string, content: string): void {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** Reads the record in a run's directory; undefined where the run left none. */
export function readRecord(directory: string): RunRecord | undefined {
  const path = join(directory, "run.json");
  return existsSync(path) ? parseRecord(readFileSync(path, "utf8"), path) : undefined;
}
