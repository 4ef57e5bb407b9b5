import assert from "node:assert/strict";
import { test } from "node:test";
import { testServer } from "./testing.ts";

test("metrics of the process are there for Prometheus", async (t) => {
  const server = await testServer(t);
  const response = await fetch(`${server.url}/metrics`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
  const text = await response.text();
  for (const name of [
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_threads",
  ]) {
    assert.ok(Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]) > 0, name);
  }
});

test("a server without metrics has everything else", async (t) => {
  const server = await testServer(t, { metrics: false });
  assert.equal((await fetch(`${server.url}/metrics`)).status, 404);
  assert.equal((await server.counts()).plans, 0);
});

test("counts follow plans and streams", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=20 rate=50]");
  const sse = await server.sse(id);
  const ws = await server.ws(id);
  await ws.messages(1);
  const running = await server.counts();
  assert.deepEqual(running, {
    plans: 1,
    running: 1,
    streams: { sse: 1, ws: 1 },
    opened: { sse: 1, ws: 1 },
    orphans: 0,
    mostConnections: 3,
    queues: 1,
    messages: running.messages,
  });
  await Promise.all([sse.ended, ws.closed]);
  await server.remove(id);
  assert.deepEqual(await server.counts(), {
    plans: 0,
    running: 0,
    streams: { sse: 0, ws: 0 },
    opened: { sse: 1, ws: 1 },
    orphans: 0,
    mostConnections: 3,
    queues: 0,
    messages: 20,
  });
});
