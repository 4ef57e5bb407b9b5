import http from "k6/http";
import type { Access } from "../client/access.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import type { ServerSample } from "../record/record.ts";
import type { Config } from "./config.ts";
import type { Span } from "./health.ts";
import type { Meter } from "./meter.ts";
import { setGauge } from "./metrics.ts";
import { PHASE_NAMES, WHOLE_RUN_LABEL } from "./series.ts";

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

type Figures = Pick<ServerSample, keyof typeof SERIES>;
const NONE: Figures = { residentBytes: null, cpuSeconds: null, threads: null, openFiles: null };

/**
 * Where the server's process is seen, `name` for a person: in Prometheus text, the plan server's `own` or another's, or by
 * its port on this machine.
 */
export type Source = { name: string; url: string; own: boolean } | { name: string; port: number };

/** What the recorder tells of a process. */
interface Process {
  pid: number;
  program: string;
  figures: Figures;
}

/**
 * Where the server's process can be seen: where SERVER_METRICS_URL says, at the server's own /metrics, or, on this
 * machine, from outside. Null where in none of them.
 */
export async function findSource(
  { serverMetricsUrl, localPort }: Config,
  access: Access,
): Promise<Source | null> {
  const url = serverMetricsUrl ?? `${access.baseUrl}/metrics`;
  const text = { name: url, url, own: originOf(url) === originOf(access.baseUrl) };
  if (serverMetricsUrl !== undefined || (await figuresFrom(text, access)).residentBytes !== null) return text;
  if (localPort === undefined) return null;
  const seen = await listenerOn(localPort);
  if (seen === null) return null;
  const name = `process ${seen.pid} (${seen.program}), which listens on port ${localPort}`;
  return { name, port: localPort };
}

const originOf = (url: string): string => (/^https?:\/\/[^/]+/i.exec(url)?.[0] ?? "").toLowerCase();

/** Takes one sample of the server's process, as far as `source` tells of it, and of k6's own. */
async function sampleServer(
  source: Source | null,
  access: Access,
  meter: Meter,
  phase: string,
): Promise<void> {
  const seen = source === null ? NONE : await figuresFrom(source, access);
  const figures = { ...seen, k6ResidentBytes: recorder.residentBytes() };
  meter.add("samples", { at: recorder.now(), phase, ...figures });
  setGauge("sample_phase", PHASE_NAMES.indexOf(phase), { test: meter.test });
  for (const [name, gauge] of Object.entries(LIVE)) {
    const value = figures[name as keyof typeof LIVE];
    if (value !== null) setGauge(gauge, value, { test: WHOLE_RUN_LABEL });
  }
}

async function figuresFrom(source: Source, { headers }: Access): Promise<Figures> {
  if ("port" in source) return (await listenerOn(source.port))?.figures ?? NONE;
  const text = await readText(source.url, source.own ? headers : {});
  const values = Object.entries(SERIES).map(([name, series]) => [name, readSeries(text, series)]);
  return Object.fromEntries(values) as Figures;
}

async function listenerOn(port: number): Promise<Process | null> {
  return JSON.parse(await recorder.listener(port)) as Process | null;
}

async function readText(url: string, headers: Access["headers"]): Promise<string> {
  const params = { headers, tags: { name: "server metrics" }, timeout: TIMEOUT_MS, redirects: 0 };
  const { status, body } = await http.asyncRequest("GET", url, null, params);
  return status === 200 && typeof body === "string" ? body : "";
}

/** Samples every `everyMs` as long as the test lasts. */
export async function sampleUntil(
  { isOver, over }: Span,
  everyMs: number,
  source: Source | null,
  access: Access,
  meter: Meter,
  phase: string,
): Promise<void> {
  let due = recorder.now();
  while (!isOver()) {
    await sampleServer(source, access, meter, phase);
    due += everyMs;
    await Promise.race([sleep(Math.max(0, due - recorder.now())), over]);
  }
}

/** The value of a series without labels in Prometheus text; null where there is none. */
function readSeries(text: string, series: string): number | null {
  const value = Number(new RegExp(`^${series} (\\S+)`, "m").exec(text)?.[1]);
  return Number.isFinite(value) ? value : null;
}
