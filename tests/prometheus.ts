import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, until, without } from "./harness.ts";

/** Why tests with `program` cannot run here; false where they can. */
export function missing(program: "prometheus" | "promtool"): string | false {
  const { error } = spawnSync(program, ["--version"]);
  return without(error === undefined, `there is no ${program} here: apt-get install prometheus`);
}

/** A series of an answer: its labels, and its samples (time in seconds since the epoch, value). */
export interface Series {
  labels: Record<string, string>;
  samples: [time: number, value: number][];
}

/** A Prometheus of a test's own, with our rules, on a free loopback port. */
export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(): Promise<Prometheus> {
    const directory = mkdtempSync(join(tmpdir(), "plan-load-prometheus-"));
    const config = {
      global: { evaluation_interval: "2s" },
      rule_files: [join(ROOT, "grafana/prometheus/rules.yml")],
    };
    writeFileSync(join(directory, "prometheus.yml"), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      "prometheus",
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=${address}`,
        "--web.enable-remote-write-receiver",
        "--enable-feature=native-histograms",
        "--log.level=error",
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const prometheus = new Prometheus(`http://${address}`, child, directory);
    await until(async () => (await fetch(`${prometheus.url}/-/ready`).catch(() => undefined))?.ok === true);
    return prometheus;
  }

  async stop(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The series of an expression at a time. */
  instant(query: string, time: number): Promise<Series[]> {
    return this.series("query", { query, time });
  }

  /** The series of an expression over a time. */
  range(query: string, start: number, end: number, step: number): Promise<Series[]> {
    return this.series("query_range", { query, start, end, step });
  }

  async get<T>(path: string, parameters: Record<string, string | number> = {}): Promise<T> {
    const asText = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
    const response = await fetch(
      `${this.url}/api/v1/${path}?${new URLSearchParams(Object.fromEntries(asText))}`,
    );
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== "success") throw new Error(`${parameters.query ?? path}: ${answer.error}`);
    return answer.data;
  }

  private async series(path: string, parameters: Record<string, string | number>): Promise<Series[]> {
    const { result } = await this.get<{ result: RawSeries[] }>(path, parameters);
    return result.map(({ metric, value, values }) => ({
      labels: metric,
      samples: (values ?? [value ?? [0, "NaN"]]).map(([time, text]) => [time, Number(text)]),
    }));
  }
}

interface RawSeries {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
