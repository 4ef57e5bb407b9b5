import assert from "node:assert/strict";
import { once } from "node:events";
import { get, request } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EventLoop } from "./event-loop.ts";
import { faultsOf } from "./faults.ts";
import { PlanStore } from "./plans.ts";
import { Pool } from "./pool.ts";
import { eventually, SseClient, type TestServer, testServer } from "./testing.ts";

const SIZE = 15;
const ENDLESS = "[stub lines=1 rate=0.01]";
const IDLE = { size: SIZE, held: 0, waiting: 0 };

/** A pool of two connections, both taken, and the one to give back. */
async function exhausted(timeoutMs: number) {
  const loop = new EventLoop();
  const pool = new Pool(loop, { size: 2, timeoutMs });
  const [first] = [await pool.inThread(), await pool.onLoop()];
  return { loop, pool, first };
}

test("connections go to those who wait in the order in which they came, threads and event loop alike", async () => {
  const { loop, pool, first } = await exhausted(60_000);
  const served: string[] = [];
  const serve = (name: string) => (connection?: { release(): void }) => {
    served.push(name);
    connection?.release();
  };
  const waiters = [
    pool.inThread().then(serve("thread")),
    pool.onLoop().then(serve("loop")),
    pool.onLoop().then(serve("loop, later")),
    pool.inThread().then(serve("another thread")),
  ];
  assert.deepEqual(pool.counts, { size: 2, held: 2, waiting: 3 });
  assert.equal(loop.isBlocked, true);
  first?.release();
  first?.release();
  await Promise.all(waiters);
  assert.deepEqual(served, ["thread", "loop", "another thread", "loop, later"]);
  assert.deepEqual(pool.counts, { size: 2, held: 1, waiting: 0 });
  assert.equal(loop.isBlocked, false);
});

test("who waits too long gets none and takes none; a thread blocks nobody, the event loop everybody", async () => {
  const { loop, pool } = await exhausted(20);
  const thread = pool.inThread();
  assert.equal(loop.isBlocked, false);
  const onLoop = pool.onLoop();
  assert.equal(loop.isBlocked, true);
  assert.deepEqual(await Promise.all([thread, onLoop]), [undefined, undefined]);
  assert.deepEqual(pool.counts, { size: 2, held: 2, waiting: 0 });
  assert.equal(loop.isBlocked, false);
});

async function create(server: TestServer, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => server.create(ENDLESS)));
}

async function health(server: TestServer): Promise<number> {
  return (await fetch(`${server.url}/health`)).status;
}

async function poolOf(server: TestServer) {
  return (await server.counts()).pool;
}

async function someoneWaits(server: TestServer): Promise<void> {
  await eventually(async () => (await poolOf(server))?.waiting === 1);
}

test("healthy: there is no pool", async (t) => {
  const server = await testServer(t);
  await create(server, 2 * SIZE);
  assert.equal(await health(server), 200);
  assert.equal(await poolOf(server), undefined);
  assert.equal((await server.counts()).frozenMs, undefined);
});

/** A request with so many parameters that garbage is collected, as the query of a real server's would be. */
const collect = async (server: TestServer) => {
  const query = Array.from({ length: 1_900 }, () => "a").join("&");
  for (let i = 0; i < 6; i++) await (await fetch(`${server.url}/health?${query}`)).text();
};

test("sse-pool: a wait for a connection blocks everybody, /health and streams too, until a plan is over", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool"] });
  const [id = ""] = await create(server, SIZE - 2);
  const short = await server.create("[stub lines=40 rate=40]");
  const client = await server.sse(short);
  await client.messages(1);
  assert.deepEqual(await poolOf(server), { ...IDLE, held: SIZE });
  const plan = server.plan(id);
  await someoneWaits(server);
  const answered: string[] = [];
  const answers = ["/health", "/api/models", "/nothing"].map(async (path) => {
    await fetch(server.url + path);
    answered.push(path);
  });
  const heard = client.log().length;
  await eventually(async () => (await server.counts()).messages >= 30);
  assert.ok((await server.metric("process_open_fds")) > 0);
  assert.ok(client.log().length <= heard + 1, `${client.log().length} messages came, ${heard} before`);
  assert.deepEqual(answered, []);
  assert.equal((await plan).status, "running");
  await Promise.all(answers);
  await client.ended;
  assert.equal(client.log().length, 40);
  assert.ok(((await server.counts()).frozenMs ?? 0) > 0);
});

test("sse-pool: who waits too long is answered with 500, and all goes on, up to the next who waits", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool=200"] });
  const [id] = await create(server, SIZE);
  const begun = performance.now();
  const [list, plan, status] = await Promise.all([
    fetch(`${server.url}/api/plans`),
    fetch(`${server.url}/api/plans/${id}`),
    health(server),
  ]);
  const { detail } = (await list.json()) as { detail: string };
  assert.deepEqual([list.status, plan.status, status], [500, 500, 200]);
  assert.ok(performance.now() - begun >= 400);
  assert.match(
    detail,
    /^Failed to get plans: QueuePool limit of size 5 overflow 10 reached, .* timeout 0\.20 \(Back/,
  );
  assert.deepEqual(await poolOf(server), { ...IDLE, held: SIZE });
});

test("sse-pool: what needs no connection, and a wrong request, is answered though there is none", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool"] });
  await create(server, SIZE);
  const wrong = await fetch(`${server.url}/api/plans`, { method: "POST", body: "{" });
  const [models, unknown] = await Promise.all([
    fetch(`${server.url}/api/models`),
    fetch(`${server.url}/nothing`),
  ]);
  assert.deepEqual([wrong.status, models.status, unknown.status], [422, 200, 404]);
  assert.deepEqual(await poolOf(server), { ...IDLE, held: SIZE });
});

test("sse-pool: a request whose client has given up is done all the same", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool=300"] });
  await create(server, SIZE - 2);
  const short = await server.create("[stub lines=10 rate=40]");
  const stream = await server.sse(short);
  const blocking = fetch(`${server.url}/api/plans`);
  await someoneWaits(server);
  const body = JSON.stringify({ prompt: ENDLESS, llm_model: "simulated-fast" });
  const leaver = request(`${server.url}/api/plans`, { method: "POST", agent: false });
  leaver.on("error", () => {});
  leaver.end(body);
  await once(leaver, "finish");
  await sleep(20);
  leaver.destroy();
  await Promise.all([blocking, stream.ended]);
  await eventually(async () => (await server.counts()).plans === SIZE);
});

test("sse-pool: that a client has left is noticed when all goes on; a stream with nobody left is opened and left", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool=400", "sse-queue-removed"] });
  const [id = ""] = await create(server, SIZE - 1);
  const client = await server.sse(id);
  const blocking = fetch(`${server.url}/api/plans`);
  await someoneWaits(server);
  const late = get(`${server.url}/api/plans/${id}/stream`, { agent: false });
  late.on("error", () => {});
  await sleep(50);
  late.destroy();
  client.leave();
  await sleep(50);
  const { streams, queues } = await server.counts();
  assert.deepEqual([streams.sse, queues], [1, SIZE - 1]);
  assert.equal((await blocking).status, 500);
  await eventually(async () => {
    const counts = await server.counts();
    return counts.streams.sse === 0 && counts.queues === SIZE - 2;
  });
});

test("sse-pool: a stream that gets no connection has its head and is broken off", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool=50"] });
  const [id] = await create(server, SIZE);
  const client = await SseClient.open(`${server.url}/api/plans/${id}/stream`);
  assert.equal(client.response.statusCode, 200);
  await assert.rejects(client.ended);
  assert.equal(client.text, "");
});

test("sse-pool: the connection of a stream comes back when garbage is collected, and not before", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool"] });
  const client = await server.sse(await server.create("[stub lines=1 rate=100]"));
  await client.ended;
  const refused = await server.sse("PlanExe_unknown");
  await refused.ended;
  await eventually(async () => (await server.counts()).streams.sse === 0);
  await health(server);
  assert.equal((await poolOf(server))?.held, 2);
  await collect(server);
  assert.equal((await poolOf(server))?.held, 0);
});

test("sse-pool: the connection of a stream that is open while garbage is collected is lost", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool"] });
  const [id = ""] = await create(server, 1);
  const client = await server.sse(id);
  await collect(server);
  client.leave();
  await eventually(async () => (await server.counts()).streams.sse === 0);
  await collect(server);
  assert.equal((await poolOf(server))?.held, 2);
});

for (const [hears, isTold] of [
  ["pending for ever", false],
  ["failed, where there is one at last to say so with", true],
] as const) {
  test(`a thread that gets no connection gives up, and its plan is ${hears}`, async () => {
    const { loop, pool, first } = await exhausted(30);
    const defaults = { lines: 1, rate: 1, exit: 0 };
    const plans = new PlanStore(defaults, faultsOf("sse-2025-09", []), loop, "failed", pool);
    const plan = plans.create({ prompt: "Bakery", model: "simulated-fast" });
    const reader = plan?.feed.openSse();
    if (isTold) {
      await sleep(40);
      first?.release();
    }
    await plan?.over;
    assert.deepEqual([plan?.status, plans.unfinished], [isTold ? "failed" : "pending", 0]);
    assert.equal(await Promise.race([reader?.next(), sleep(250).then(() => "silent")]), "silent");
    assert.equal(pool.counts.held, isTold ? 1 : 2);
  });
}

test("a thread whose plan was deleted while it waited does nothing", async () => {
  const { loop, pool, first } = await exhausted(60_000);
  const defaults = { lines: 1, rate: 100, exit: 0 };
  const plans = new PlanStore(defaults, faultsOf("sse-2025-09", []), loop, "failed", pool);
  const plan = plans.create({ prompt: "Bakery", model: "simulated-fast" });
  assert.ok(plan);
  plans.delete(plan);
  first?.release();
  await plan.over;
  await eventually(async () => pool.counts.held === 1);
  assert.deepEqual([plan.feed.count, plan.status, pool.counts.held], [0, "pending", 1]);
});

test("pool-size: so many connections", async (t) => {
  const server = await testServer(t, { faults: ["ws-pool", "pool-size=3"] });
  await create(server, 2);
  assert.deepEqual(await poolOf(server), { size: 3, held: 2, waiting: 0 });
});

test("ws-pool: plans hold connections, streams do not", async (t) => {
  const server = await testServer(t, { faults: ["ws-pool"] });
  const [id = ""] = await create(server, SIZE - 1);
  const streams = await Promise.all([server.sse(id), server.ws(id), server.sse("unknown")]);
  assert.equal(streams.length, 3);
  assert.deepEqual(await poolOf(server), { ...IDLE, held: SIZE - 1 });
  await create(server, 1);
  const waiting = assert.rejects(create(server, 1));
  await someoneWaits(server);
  await server.stop();
  await waiting;
});

test("ws-pool: a wait blocks WebSockets too, those that are open, those that come, and those that leave", async (t) => {
  const server = await testServer(t, { faults: ["ws-pool=500", "ws-no-replay"] });
  await create(server, SIZE - 1);
  const id = await server.create("[stub lines=1000 rate=200]");
  const [client, leaver] = await Promise.all([server.ws(id), server.ws(id)]);
  await client.messages(1);
  const blocking = fetch(`${server.url}/api/plans`);
  await someoneWaits(server);
  const comes = server.ws(id);
  leaver.socket.close();
  await client.silentFor(30);
  const heard = client.log().length;
  const stamped = (await server.counts()).messages;
  await eventually(async () => (await server.counts()).messages > stamped + 10);
  assert.equal(client.log().length, heard);
  assert.equal((await server.counts()).streams.ws, 2);
  assert.equal((await blocking).status, 500);
  await client.messages(heard + 10);
  await (await comes).messages(1);
  assert.equal(await leaver.closed, 1005);
});

test("ws-pool: a crowd of plans, streams and leavers never blocks itself for good, and leaves nothing held", async (t) => {
  const server = await testServer(t, { faults: ["ws-pool"] });
  const visit = async () => {
    const id = await server.create("[stub lines=5 rate=200]");
    const [stayer, leaver] = await Promise.all([server.sse(id), server.sse(id)]);
    leaver.leave();
    await stayer.ended;
    await server.remove(id);
  };
  await Promise.all(Array.from({ length: 60 }, visit));
  await eventually(async () => (await poolOf(server))?.held === 0);
  assert.deepEqual(await poolOf(server), IDLE);
  assert.equal((await server.counts()).plans, 0);
});

test("a request that is wrong, and a plan that fails at once, hold nothing afterwards", async (t) => {
  const server = await testServer(t, { faults: ["ws-pool"] });
  for (const body of ["{", '{"prompt":"no model"}']) {
    await (await fetch(`${server.url}/api/plans`, { method: "POST", body })).text();
  }
  await (await fetch(`${server.url}/nothing`)).text();
  assert.deepEqual(await poolOf(server), IDLE);
});
