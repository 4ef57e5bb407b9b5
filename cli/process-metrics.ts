import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Gauge, Registry } from "prom-client";
import { figuresOf, type ProcessFigures, pidListeningOn } from "./process-tree.ts";

const GAUGES: Record<keyof ProcessFigures, { name: string; help: string }> = {
  residentBytes: {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process and its children.",
  },
  cpuSeconds: { name: "process_cpu_seconds_total", help: "Processor time of the process and its children." },
  threads: { name: "process_threads", help: "Threads of the process and its children." },
  openFiles: { name: "process_open_fds", help: "Open files of the process and its children." },
};

export interface MetricsEndpoint {
  url: string;
  close(): void;
}

/**
 * Serves the figures of a process and its children as Prometheus text on a loopback port (0: a free one). Once the
 * process is gone it answers 503.
 * @throws Error when the port cannot be had
 */
export async function serveProcessMetrics(pid: number, port: number): Promise<MetricsEndpoint> {
  const registry = new Registry();
  const gauges = Object.entries(GAUGES).map(
    ([figure, { name, help }]) =>
      [figure as keyof ProcessFigures, new Gauge({ name, help, registers: [registry] })] as const,
  );
  const server = createServer(async (_, response) => {
    try {
      const figures = figuresOf(pid);
      for (const [figure, gauge] of gauges) gauge.set(figures[figure]);
      response.setHeader("content-type", registry.contentType).end(await registry.metrics());
    } catch (error) {
      response.writeHead(503).end(`${error instanceof Error ? error.message : error}\n`);
    }
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    close: () => server.close(),
  };
}

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

/**
 * Where the process of a server tells of itself: SERVER_METRICS_URL, its own /metrics, or, for a server of this machine
 * that has none, an endpoint made here. Undefined where there is no way to see it.
 */
export async function metricsOf(baseUrl: string): Promise<MetricsEndpoint | undefined> {
  const given = process.env.SERVER_METRICS_URL;
  if (given) return { url: given, close: () => {} };
  if (await tellsItself(`${baseUrl}/metrics`)) return { url: `${baseUrl}/metrics`, close: () => {} };
  const { hostname, port } = new URL(baseUrl);
  if (!LOOPBACK.test(hostname)) return undefined;
  try {
    return await serveProcessMetrics(pidListeningOn(Number(port || 80)), 0);
  } catch {
    return undefined;
  }
}

async function tellsItself(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return (await response.text()).includes(GAUGES.residentBytes.name);
  } catch {
    return false;
  }
}
