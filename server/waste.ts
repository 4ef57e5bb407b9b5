import { closeSync, openSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { FaultSet } from "./faults.ts";
import type { Plan } from "./plans.ts";

/** Keeps what it is told to get, up to a limit. */
export class Hoard<Item> {
  readonly #limit: number;
  readonly #get: (amount: number) => Item;
  readonly #items: Item[] = [];
  #room: number;

  /** @param get gets so much of it, as one item */
  constructor(limit: number, get: (amount: number) => Item) {
    this.#limit = limit;
    this.#room = limit;
    this.#get = get;
  }

  /** How much it has come to. */
  get size(): number {
    return this.#limit - this.#room;
  }

  /** Keeps so much more, or what there is room for. */
  grow(amount: number): void {
    const granted = Math.min(amount, this.#room);
    if (granted > 0) {
      this.#items.push(this.#get(granted));
      this.#room -= granted;
    }
  }

  /** Gives everything up, and keeps nothing from then on. */
  clear(): Item[] {
    this.#room = 0;
    return this.#items.splice(0);
  }
}

const MIB = 1024;

/** The worker threads have their source here, so that a bundled server needs no file beside it. */
const IDLE_THREAD = 'require("node:worker_threads").parentPort.on("message", () => {})';
/** Spins its share of every 10 ms. */
const BUSY_THREAD = `
  const { workerData: share } = require("node:worker_threads");
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const until = performance.now() + 10 * share;
    while (performance.now() < until);
    Atomics.wait(nobody, 0, 0, 10 * (1 - share));
  }`;

/** What a server with its faults takes from the machine and never gives back: memory, files, threads, CPU. */
export class Waste {
  readonly #faults: FaultSet;
  readonly #unwatched = new Hoard(512 * MIB, memory);
  readonly #leaked = new Hoard(1024 * MIB, memory);
  readonly #files = new Hoard(2_000, openFiles);
  readonly #threads = new Hoard(100, (count) => Array.from({ length: count }, () => thread(IDLE_THREAD)));
  #burner: Worker | undefined;
  #leaking: NodeJS.Timeout | undefined;

  constructor(faults: FaultSet) {
    this.#faults = faults;
  }

  /** Memory leaked so far, where a fault leaks it. */
  get leakedKiB(): number | undefined {
    const leaks = this.#faults.has("sse-unwatched-leak") || this.#faults.has("memory-leak");
    return leaks ? this.#unwatched.size + this.#leaked.size : undefined;
  }

  /** idle-cpu and memory-leak: begins with what goes on whatever the server is asked. */
  start(): void {
    const share = this.#faults.get("idle-cpu");
    const kibPerSecond = this.#faults.get("memory-leak");
    if (share !== undefined) {
      this.#burner = thread(BUSY_THREAD, share);
    }
    if (kibPerSecond !== undefined) {
      this.#leaking = setInterval(() => this.#leaked.grow(kibPerSecond), 1000);
    }
  }

  /** file-leak, thread-leak and sse-unwatched-leak: what every plan leaves behind. */
  planCreated({ over, feed }: Plan): void {
    this.#files.grow(this.#faults.get("file-leak") ?? 0);
    this.#threads.grow(this.#faults.get("thread-leak") ?? 0);
    over.then(() => {
      if (!feed.watched) {
        this.#unwatched.grow(Math.ceil(((this.#faults.get("sse-unwatched-leak") ?? 0) * feed.count) / 1_000));
      }
    });
  }

  /** Gives everything back, as the end of a process does. */
  async stop(): Promise<void> {
    clearInterval(this.#leaking);
    this.#unwatched.clear();
    this.#leaked.clear();
    for (const file of this.#files.clear().flat()) {
      closeSync(file);
    }
    const threads = this.#threads.clear().flat();
    await Promise.all([...threads, this.#burner].map((worker) => worker?.terminate()));
  }
}

/** Filled, because untouched pages take no memory. */
function memory(kib: number): Buffer {
  return Buffer.alloc(kib * 1024, 1);
}

function openFiles(count: number): number[] {
  return Array.from({ length: count }, () => openSync(process.execPath, "r"));
}

/** A thread that does not keep the process alive. */
function thread(source: string, share?: number): Worker {
  const worker = new Worker(source, { eval: true, execArgv: [], workerData: share });
  worker.unref();
  return worker;
}
