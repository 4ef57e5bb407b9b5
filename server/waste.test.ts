import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FAULT_NAMES } from "./faults.ts";
import { eventually, type TestServer, testServer } from "./testing.ts";
import { Hoard } from "./waste.ts";

const QUICK = "[stub lines=1 rate=1000]";
const ENDLESS = "[stub lines=1 rate=0.01]";
const onLinux = { skip: process.platform === "linux" ? false : "counted on Linux only" };

test("a hoard grows up to its limit, and after it was cleared never again", () => {
  const hoard = new Hoard(10, (amount) => amount);
  for (const amount of [4, 0, 4, 4, 4]) {
    hoard.grow(amount);
  }
  assert.equal(hoard.size, 10);
  assert.deepEqual(hoard.clear(), [4, 4, 2]);
  hoard.grow(4);
  assert.deepEqual(hoard.clear(), []);
});

async function completedOf(server: TestServer): Promise<number> {
  const plans = await server.json<{ status: string }[]>("/api/plans");
  return plans.filter(({ status }) => status === "completed").length;
}

test("sse-unwatched-leak: the lines of plans that end without ever having had an SSE stream stay, once", async (t) => {
  // A line of 100 KiB.
  const server = await testServer(t, { faults: ["sse-unwatched-leak=100000"] });
  const id = await server.create(QUICK);
  await (await server.sse(id)).ended;
  await server.remove(id);
  assert.equal((await server.counts()).leakedKiB, 0);

  const ended = await server.create(QUICK);
  const watchedByWebSocket = await server.create(QUICK);
  await (await server.ws(watchedByWebSocket)).closed;
  await eventually(async () => (await completedOf(server)) === 2);
  await server.remove(ended);
  await server.remove(await server.create(ENDLESS));
  assert.equal((await server.counts()).leakedKiB, 200);
});

test("sse-unwatched-leak: the process really grows, up to 512 MiB", onLinux, async (t) => {
  const server = await testServer(t, { faults: ["sse-unwatched-leak=1048576"] });
  const before = await server.metric("process_resident_memory_bytes");
  const id = await server.create("[stub lines=600 rate=10000]");
  await eventually(async () => (await server.plan(id)).status === "completed");
  const grown = (await server.metric("process_resident_memory_bytes")) - before;
  assert.equal((await server.counts()).leakedKiB, 512 * 1024);
  assert.ok(grown > 480 * 2 ** 20, `${grown} bytes`);
});

test("memory-leak: so much a second, whatever is asked", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const server = await testServer(t, { faults: ["memory-leak=2048"] });
  mock.timers.tick(30_000);
  assert.equal((await server.counts()).leakedKiB, 30 * 2048);
});

/** Files, give or take the connections of clients. */
function assertFiles(seen: number, expected: number): void {
  assert.ok(Math.abs(seen - expected) < 10, `${seen} open files, not about ${expected}`);
}

test("healthy: nothing leaks", onLinux, async (t) => {
  const server = await testServer(t);
  const files = await server.metric("process_open_fds");
  const threads = await server.metric("process_threads");
  for (let plan = 0; plan < 20; plan++) {
    await server.remove(await server.create(ENDLESS));
  }
  assert.equal((await server.counts()).leakedKiB, undefined);
  assertFiles(await server.metric("process_open_fds"), files);
  assert.equal(await server.metric("process_threads"), threads);
});

test(
  "file-leak: so many files stay open for each plan, up to 2,000, until the server stops",
  onLinux,
  async (t) => {
    const server = await testServer(t, { faults: ["file-leak=900"] });
    const other = await testServer(t);
    await other.json("/health");
    const before = await server.metric("process_open_fds");
    await server.remove(await server.create(ENDLESS));
    assertFiles(await server.metric("process_open_fds"), before + 900);
    await server.create(ENDLESS);
    await server.create(ENDLESS);
    assertFiles(await server.metric("process_open_fds"), before + 2_000);
    await server.stop();
    assertFiles(await other.metric("process_open_fds"), before);
  },
);

test(
  "thread-leak: so many threads stay for each plan, up to 100, until the server stops",
  onLinux,
  async (t) => {
    const server = await testServer(t, { faults: ["thread-leak=3"] });
    const other = await testServer(t);
    const before = await server.metric("process_threads");
    await server.remove(await server.create(ENDLESS));
    assert.equal(await server.metric("process_threads"), before + 3);
    for (let plan = 0; plan < 40; plan++) {
      await server.create(ENDLESS);
    }
    assert.equal(await server.metric("process_threads"), before + 100);
    await server.stop();
    assert.equal(await other.metric("process_threads"), before);
  },
);

test("idle-cpu: the processor is busy though nothing is asked", async (t) => {
  const spentMs = (since: NodeJS.CpuUsage) => process.cpuUsage(since).user / 1000;
  const idle = process.cpuUsage();
  await sleep(200);
  const spentIdle = spentMs(idle);
  await testServer(t, { faults: ["idle-cpu=1"] });
  const busy = process.cpuUsage();
  await eventually(async () => spentMs(busy) >= 200);
  assert.ok(spentIdle < 100, `${spentIdle} ms`);
});

test("a process ends by itself once its server was stopped, whatever the fault", async () => {
  const child = fork(new URL("stopping.fixture.ts", import.meta.url), { execArgv: ["--import", "tsx"] });
  const timeout = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const stopped: unknown[] = [];
  child.on("message", (fault) => stopped.push(fault));
  const [code] = await once(child, "exit");
  clearTimeout(timeout);
  assert.deepEqual([code, stopped], [0, FAULT_NAMES]);
});
