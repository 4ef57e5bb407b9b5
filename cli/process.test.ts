import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { metricsOf, serveProcessMetrics } from "./process-metrics.ts";
import { figuresOf, pidListeningOn } from "./process-tree.ts";

/** A server on a free port that answers everything with `body`. */
async function answering(t: TestContext, body: string): Promise<number> {
  const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A program of this test's own, which says when it runs, and is ended after the test. */
async function child(t: TestContext, source: string): Promise<number> {
  const running = spawn(process.execPath, [
    "-e",
    `${source}; console.log("here"); setInterval(() => {}, 1000)`,
  ]);
  t.after(() => running.kill());
  await once(running.stdout, "data");
  return running.pid ?? assert.fail("no pid");
}

const series = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? Number.NaN);

test("what a process takes is told as the process itself sees it", () => {
  const before = figuresOf(process.pid);
  openSync("/dev/null", "r");
  const after = figuresOf(process.pid);
  assert.equal(after.openFiles, before.openFiles + 1);
  assert.ok(Math.abs(after.residentBytes / process.memoryUsage.rss() - 1) < 0.2);
  const { user, system } = process.cpuUsage();
  assert.ok(Math.abs(after.cpuSeconds - (user + system) / 1e6) < 1);
  assert.ok(after.threads > 1);
});

test("the children of a process are counted with it", async (t) => {
  const before = figuresOf(process.pid);
  await child(t, "globalThis.held = Buffer.alloc(30 * 2 ** 20, 1)");
  const after = figuresOf(process.pid);
  assert.ok(after.residentBytes - before.residentBytes > 50 * 2 ** 20);
  assert.ok(after.threads > before.threads);
});

test("a process is found by the port that it listens on", async (t) => {
  assert.equal(pidListeningOn(await answering(t, "")), process.pid);
  assert.throws(() => pidListeningOn(1), {
    message: "no process of this user listens on port 1 of this machine",
  });
  assert.throws(() => figuresOf(99_999_999), /^Error: there is no process 99999999 on this machine/);
});

test("the figures are served as Prometheus text, and no longer once the process is gone", async (t) => {
  const watched = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  const { url, close } = await serveProcessMetrics(watched.pid ?? 0, 0);
  t.after(close);
  const text = await (await fetch(url)).text();
  for (const name of [
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_threads",
    "process_open_fds",
  ]) {
    assert.ok(series(text, name) >= 0, `${name}: ${text}`);
  }
  watched.kill();
  await once(watched, "exit");
  assert.equal((await fetch(url)).status, 503);
});

test("a server that tells of itself is believed; one that does not is looked at from here", async (t) => {
  const telling = await answering(t, "process_resident_memory_bytes 1\n");
  assert.equal((await metricsOf(`http://127.0.0.1:${telling}`))?.url, `http://127.0.0.1:${telling}/metrics`);
  const dumb = await answering(t, "<html>");
  const made = await metricsOf(`http://127.0.0.1:${dumb}`);
  t.after(() => made?.close());
  const text = await (await fetch(made?.url ?? "")).text();
  assert.ok(Math.abs(series(text, "process_resident_memory_bytes") / process.memoryUsage.rss() - 1) < 0.2);
  assert.equal(await metricsOf("http://no-such-host.invalid:8080"), undefined);
});
