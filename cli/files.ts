import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseRecord, type RunRecord } from "../record/record.ts";

/** The id of a run or a comparison: time (UTC), what it is, and four hex digits. */
export function makeId(label: string, now = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  return `${stamp}-${label}-${randomBytes(2).toString("hex")}`;
}

/**
 * Writes a file whole or not at all, so that it lasts over a crash of the machine: beside it first, under a name that no
 * other writer has. Makes its directory.
 */
export function saveFile(directory: string, name: string, content: string): void {
  const path = join(directory, name);
  makeDirectory(dirname(path));
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    writeFileSync(temporary, content);
    synchronise(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw Object.assign(error as NodeJS.ErrnoException, { path });
  }
  synchronise(dirname(path));
}

/** Makes the directory. @throws Error of the file system where nothing can be written to it */
export function requireWritable(directory: string): void {
  const probe = ".probe";
  saveFile(directory, probe, "");
  rmSync(join(directory, probe));
}

/** The name of a file that a writer which was killed left behind: ours, or k6's. */
export const isTemporary = (name: string): boolean => /^\..*\.tmp$/.test(name);

/** Node's own recursive mkdir never ends where a directory cannot be made in one that is there, as in /proc. */
function makeDirectory(directory: string): void {
  if (isDirectory(directory)) return;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    if (!isDirectory(directory)) throw error;
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Has the disk hold what a file or a directory holds. */
function synchronise(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** Node does not say which path it was where that is a directory, and waits for ever for what a pipe may say. */
function textOf(path: string): string {
  const found = statSync(path);
  if (!found.isFile() && !found.isDirectory()) throw new Error(`${path} is no file`);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path });
  }
}

/** Reads the record in a run's directory; undefined where the run left none. */
export function readRecord(directory: string): RunRecord | undefined {
  const path = join(directory, "run.json");
  return existsSync(path) ? parseRecord(textOf(path), path) : undefined;
}
