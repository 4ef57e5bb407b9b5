import http from "k6/http";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import type { Meter } from "./meter.ts";
import { setGauge } from "./metrics.ts";
import { WHOLE_RUN_LABEL } from "./series.ts";

const TIMEOUT_MS = 5_000;

/** The live series of what is seen of the processes. */
const LIVE = {
  residentBytes: "server_memory_bytes",
  cpuSeconds: "server_cpu_seconds_total",
  threads: "server_threads",
  openFiles: "server_open_files",
  k6ResidentBytes: "generator_memory_bytes",
} as const;

/** The series of the Prometheus text of a process, as client libraries name them, and ours for what they lack. */
const SERIES = {
  residentBytes: "process_resident_memory_bytes",
  cpuSeconds: "process_cpu_seconds_total",
  threads: "process_threads",
  openFiles: "process_open_fds",
} as const;

/** Takes one sample of the server's process, as far as `url` tells of it, and of k6's own. */
export async function sampleServer(url: string | undefined, meter: Meter, phase: string): Promise<void> {
  const text = url === undefined ? "" : await readText(url);
  const values = Object.entries(SERIES).map(([name, series]) => [name, readSeries(text, series)]);
  const seen = Object.fromEntries(values) as Record<keyof typeof SERIES, number | null>;
  const figures = { ...seen, k6ResidentBytes: recorder.residentBytes() };
  meter.add("samples", { at: recorder.now(), phase, ...figures });
  for (const [name, gauge] of Object.entries(LIVE)) {
    const value = figures[name as keyof typeof LIVE];
    if (value !== null) setGauge(gauge, value, { test: WHOLE_RUN_LABEL });
  }
}

async function readText(url: string): Promise<string> {
  const params = { tags: { name: "server metrics" }, timeout: TIMEOUT_MS };
  const { status, body } = await http.asyncRequest("GET", url, null, params);
  return status === 200 && typeof body === "string" ? body : "";
}

/** Samples every `everyMs` until `isOver`. */
export async function sampleUntil(
  isOver: () => boolean,
  everyMs: number,
  url: string | undefined,
  meter: Meter,
  phase: string,
): Promise<void> {
  let due = recorder.now();
  while (!isOver()) {
    await sampleServer(url, meter, phase);
    due += everyMs;
    await sleep(Math.max(0, due - recorder.now()));
  }
}

/** The value of a series without labels in Prometheus text; null where there is none. */
function readSeries(text: string, series: string): number | null {
  const value = Number(new RegExp(`^${series} (\\S+)`, "m").exec(text)?.[1]);
  return Number.isFinite(value) ? value : null;
}
