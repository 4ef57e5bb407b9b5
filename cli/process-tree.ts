import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a process and its children take together. */
export interface ProcessFigures {
  residentBytes: number;
  /** Processor time since their start, in seconds, of those that are alive. */
  cpuSeconds: number;
  threads: number;
  openFiles: number;
}

/** Clock ticks a second in /proc: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const LISTENING = "0A";

/**
 * What the process `pid` and its children take, as /proc tells.
 * @throws Error with one sentence where there is no such process, or no /proc
 */
export function figuresOf(pid: number): ProcessFigures {
  if (readOr(`/proc/${pid}/stat`) === "")
    throw new Error(`there is no process ${pid} on this machine, or no /proc to see it in`);
  const all = treeOf(pid).map(figuresOfOne);
  const total = (name: keyof ProcessFigures) => all.reduce((sum, one) => sum + one[name], 0);
  return {
    residentBytes: total("residentBytes"),
    cpuSeconds: total("cpuSeconds"),
    threads: total("threads"),
    openFiles: total("openFiles"),
  };
}

/**
 * The process that listens on a TCP port of this machine.
 * @throws Error with one sentence where none can be seen
 */
export function pidListeningOn(port: number): number {
  const inodes = ["tcp", "tcp6"].flatMap((table) => listeningInodes(readOr(`/proc/net/${table}`), port));
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const owner = processIds().find((pid) => openFilesOf(pid).some((file) => sockets.has(file)));
  if (owner === undefined) throw new Error(`no process of this user listens on port ${port} of this machine`);
  return owner;
}

function listeningInodes(table: string, port: number): string[] {
  const local = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, address = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTENING && address.endsWith(`:${local}`) && inode !== undefined ? [inode] : [];
  });
}

const processIds = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** The fields of /proc/PID/stat after the command's name, which may hold anything. */
const statOf = (pid: number): string[] =>
  readOr(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");

function treeOf(root: number): number[] {
  const parents = new Map(processIds().map((pid) => [pid, Number(statOf(pid)[1])]));
  const tree = [root];
  for (const parent of tree) for (const [pid, of] of parents) if (of === parent) tree.push(pid);
  return tree;
}

function figuresOfOne(pid: number): ProcessFigures {
  const status = readOr(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const stat = statOf(pid);
  return {
    residentBytes: field("VmRSS") * 1024,
    cpuSeconds: (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) / TICKS_PER_SECOND,
    threads: field("Threads"),
    openFiles: openFilesOf(pid).length,
  };
}

/** Where the open files of a process lead; none for a process of another user. */
function openFilesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOr(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

/** Processes come and go while they are read: one that is gone reads as empty. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
