import assert from "node:assert/strict";
import { test } from "node:test";
import { Pool } from "./pool.ts";
import { eventually, type TestServer, testServer } from "./testing.ts";

const SIZE = 15;
const ENDLESS = "[stub lines=1 rate=0.01]";
const NEVER = new Promise<void>(() => {});
const IDLE = { size: SIZE, held: 0, waiting: 0 };

interface Hold {
  done(): void;
  readonly until: Promise<void>;
}

function hold(): Hold {
  let done = () => {};
  const until = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { done, until };
}

/** Takes every connection of a pool, to be given back one by one. */
async function holdAll(pool: Pool): Promise<Hold[]> {
  const holds = Array.from({ length: SIZE }, hold);
  for (const { until } of holds) {
    (await pool.connect(NEVER))?.holdUntil(until);
  }
  return holds;
}

test("connections go to those who wait in the order in which they came", async () => {
  const pool = new Pool(60_000);
  const holds = await holdAll(pool);
  const served: number[] = [];
  const waiters = [1, 2, 3].map(async (number) => {
    const connection = await pool.connect(NEVER);
    served.push(number);
    connection?.holdUntil(Promise.resolve());
  });
  assert.deepEqual(pool.counts, { size: SIZE, held: SIZE, waiting: 3 });
  holds[0]?.done();
  await Promise.all(waiters);
  assert.deepEqual(served, [1, 2, 3]);
  for (const { done } of holds) {
    done();
  }
  await pool.connect(NEVER);
  assert.deepEqual(pool.counts, { ...IDLE, held: 1 });
});

test("who waits too long, or leaves, gets none and takes none", async () => {
  const pool = new Pool(20);
  await holdAll(pool);
  assert.equal(await pool.connect(NEVER), undefined);
  const patient = new Pool(60_000);
  await holdAll(patient);
  assert.equal(await patient.connect(Promise.resolve()), undefined);
  assert.deepEqual([pool.counts.waiting, patient.counts.waiting], [0, 0]);
});

test("a connection that is shared is given back by the last who holds it", async () => {
  const pool = new Pool(20);
  const [first, second] = [hold(), hold()];
  const connection = await pool.connect(NEVER);
  connection?.holdUntil(first.until);
  connection?.holdUntil(second.until);
  first.done();
  await first.until;
  assert.equal(pool.counts.held, 1);
  second.done();
  await second.until;
  assert.deepEqual(pool.counts, IDLE);
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

test("healthy: there is no pool", async (t) => {
  const server = await testServer(t);
  await create(server, 2 * SIZE);
  assert.equal(await health(server), 200);
  assert.equal(await poolOf(server), undefined);
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
  const answers = Promise.all([server.plan(id), health(server)]);
  await eventually(async () => (await poolOf(server))?.waiting === 1);
  const heard = client.log().length;
  assert.ok((await server.metric("process_open_fds")) > 0);
  const [plan, status] = await answers;
  assert.deepEqual([plan.status, status], ["running", 200]);
  assert.ok(heard < 40, `${heard} messages came before`);
  await client.ended;
  assert.equal(client.log().length, 40);
  assert.ok(((await server.counts()).frozenMs ?? 0) > 0);
});

test("sse-pool: who waits too long is answered with 500, and all goes on", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool=200"] });
  await create(server, SIZE);
  const [response, status] = await Promise.all([fetch(`${server.url}/api/plans`), health(server)]);
  const { detail } = (await response.json()) as { detail: string };
  assert.deepEqual([response.status, status], [500, 200]);
  assert.match(detail, /^QueuePool limit .* timed out, timeout 0\.20$/);
  assert.deepEqual(await poolOf(server), { ...IDLE, held: SIZE });
});

test("sse-pool: the connection of a stream comes back when garbage is collected, and not before", async (t) => {
  const server = await testServer(t, { faults: ["sse-pool"] });
  const client = await server.sse(await server.create("[stub lines=1 rate=100]"));
  await client.ended;
  await eventually(async () => (await server.counts()).streams.sse === 0);
  await health(server);
  assert.equal((await poolOf(server))?.held, 1);
  await collect(server);
  assert.equal((await poolOf(server))?.held, 0);
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
  await eventually(async () => (await poolOf(server))?.waiting === 1);
  await server.stop();
  await waiting;
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
