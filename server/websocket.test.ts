import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type TestServer, testServer, type WsClient } from "./testing.ts";

const HEARTBEAT_MS = 30_000;
const LIVE = ["connection", "status running"];
const COMPLETED = ["status stdout_closed", "status completed", "stream_end"];

/** The time of heartbeats is the test's while it runs. */
function holdHeartbeats(test: { after(hook: () => void): void }): void {
  mock.timers.enable({ apis: ["setInterval"] });
  test.after(() => mock.timers.reset());
}

/** Checks that a client has its connection message only, and besides gets these when heartbeats are due. */
async function assertSilent(client: WsClient, ...beats: string[]): Promise<void> {
  await client.settled();
  mock.timers.tick(HEARTBEAT_MS);
  await client.settled();
  assert.deepEqual(client.others(), ["connection", ...beats]);
  assert.deepEqual(client.log(), []);
}

async function finishedPlan(server: TestServer, directive: string): Promise<{ id: string; live: WsClient }> {
  const id = await server.create(directive);
  const live = await server.ws(id);
  assert.equal(await live.closed, 1000);
  return { id, live };
}

test("the frames of a plan that completes", async (t) => {
  const server = await testServer(t);
  const { id, live } = await finishedPlan(server, "[stub lines=3 rate=10]");
  assert.deepEqual(live.others(), [...LIVE, ...COMPLETED]);
  const [connection, running, log] = live.frames;
  assert.deepEqual(Object.keys(connection ?? {}), ["type", "status", "plan_id", "client_id", "message"]);
  assert.deepEqual([connection?.status, connection?.plan_id], ["connected", id]);
  const statusFields = ["type", "status", "message", "progress_percentage", "timestamp"];
  assert.deepEqual(Object.keys(running ?? {}), statusFields);
  assert.deepEqual(Object.keys(log ?? {}), ["type", "message", "timestamp"]);
  assert.equal(live.frames.at(-2)?.progress_percentage, 100);
  assert.equal(live.socket.extensions, "");
});

test("a failed pipeline is completed by the fallback", async (t) => {
  const server = await testServer(t);
  const { live } = await finishedPlan(server, "[stub lines=3 rate=10 exit=1]");
  const ending = ["status stdout_closed", "status fallback", "status completed", "stream_end"];
  assert.deepEqual(live.others(), [...LIVE, ...ending]);
});

test("a finished plan is replayed with its original timestamps", async (t) => {
  const server = await testServer(t);
  const { id, live } = await finishedPlan(server, "[stub lines=30 rate=500]");
  const late = await server.ws(id);
  assert.equal(await late.closed, 1000);
  assert.deepEqual(late.log(), live.log());
  assert.deepEqual(late.others(), ["connection", "status completed", "stream_end"]);
});

test("clients that join at any moment miss nothing and get nothing twice, at 2,000 lines a second", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=2000 rate=2000]");
  const first = await server.ws(id);
  const joiners = Array.from({ length: 20 }, async () => {
    await sleep(Math.random() * 1000);
    return server.ws(id);
  });
  const clients = await Promise.all(joiners);
  await Promise.all([first, ...clients].map(({ closed }) => closed));
  assert.equal(new Set(first.log()).size, 2000);
  for (const client of clients) {
    assert.deepEqual(client.log(), first.log());
  }
});

test("a client that does not read holds up nobody, and is kept no more than the last 10,000 messages", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=40000 rate=5000]");
  const slow = await server.ws(id);
  slow.socket.pause();
  const client = await server.ws(id);
  assert.equal(await client.closed, 1000);
  assert.equal(client.log().length, 40_000);
  slow.socket.resume();
  assert.equal(await slow.closed, 1000);
  assert.ok(slow.log().length < 40_000);
  assert.deepEqual(slow.log().slice(-10_000), client.log().slice(-10_000));
  assert.deepEqual(slow.others(), [...LIVE, ...COMPLETED]);
});

test("a heartbeat comes every 30 seconds, and the answer to it is ignored", async (t) => {
  holdHeartbeats(t);
  const server = await testServer(t);
  const client = await server.ws(await server.create("[stub lines=1 rate=0.01]"));
  await client.receives(2);
  mock.timers.tick(HEARTBEAT_MS);
  await client.receives(3);
  client.socket.send('{"type":"heartbeat_response"}');
  mock.timers.tick(HEARTBEAT_MS);
  await client.receives(4);
  assert.deepEqual(client.others(), [...LIVE, "heartbeat", "heartbeat"]);
  assert.deepEqual(Object.keys(client.frames.at(-1) ?? {}), ["type", "timestamp"]);
});

test("heartbeats come to all WebSockets at the same time, however long each has been open", async (t) => {
  holdHeartbeats(t);
  const server = await testServer(t);
  const id = await server.create("[stub lines=1 rate=0.01]");
  const first = await server.ws(id);
  await first.receives(2);
  mock.timers.tick(HEARTBEAT_MS - 1);
  const second = await server.ws(id);
  await second.receives(2);
  mock.timers.tick(1);
  await Promise.all([first.receives(3), second.receives(3)]);
  assert.deepEqual(
    [first.others(), second.others()],
    [
      [...LIVE, "heartbeat"],
      [...LIVE, "heartbeat"],
    ],
  );
});

test("ws-delete-500: who is there is sent away without a word, who comes afterwards is told the end", async (t) => {
  const server = await testServer(t, { faults: ["ws-delete-500=1"] });
  const id = await server.create("[stub lines=1000 rate=100]");
  const early = await server.ws(id);
  await early.messages(1);
  assert.equal(await server.remove(id), 500);
  assert.equal(await early.closed, 1000);
  assert.deepEqual(early.others(), LIVE);
  const late = await server.ws(id);
  assert.equal(await late.closed, 1000);
  assert.deepEqual(late.others(), ["connection", "status fallback", "status completed", "stream_end"]);
});

test("the handshake for an unknown or deleted plan, or another path, is refused with 404", async (t) => {
  const server = await testServer(t);
  const id = await server.create("Bakery");
  await server.remove(id);
  await assert.rejects(server.ws(id), /404/);
  await assert.rejects(server.ws("x/y"), /404/);
});

test("deleting a plan closes its WebSockets with 1000 and no stream_end", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=1000 rate=100]");
  const client = await server.ws(id);
  await client.messages(2);
  assert.equal(await server.remove(id), 200);
  assert.equal(await client.closed, 1000);
  assert.deepEqual(client.others(), LIVE);
});

test("a plan that never started says failed, and closes with 1000 and no stream_end", async (t) => {
  const server = await testServer(t);
  const response = await fetch(`${server.url}/api/plans`, { method: "POST", body: '{"prompt":"no model"}' });
  const { plan_id: id } = (await response.json()) as { plan_id: string };
  const client = await server.ws(id);
  assert.equal(await client.closed, 1000);
  assert.deepEqual(client.others(), ["connection", "status failed"]);
});

test("a server that stops closes its WebSockets with 1012, and breaks off its SSE streams", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=1000 rate=100]");
  const client = await server.ws(id);
  const sse = await server.sse(id);
  await client.messages(2);
  const brokenOff = assert.rejects(sse.ended);
  await server.stop();
  assert.equal(await client.closed, 1012);
  await brokenOff;
});

test("ws-orphan: so many clients of running plans get connection and then nothing, the same for a seed", async (t) => {
  holdHeartbeats(t);
  const orphaned = async (seed: number) => {
    const server = await testServer(t, { faults: ["ws-orphan=0.5"], seed });
    const id = await server.create("[stub lines=1 rate=0.01]");
    const fates: boolean[] = [];
    for (let i = 0; i < 40; i++) {
      const client = await server.ws(id);
      await client.settled();
      fates.push(client.frames.length === 1);
    }
    const orphans = fates.filter(Boolean).length;
    assert.equal((await server.counts()).orphans, orphans);
    assert.ok(orphans > 8 && orphans < 32);
    return fates;
  };
  const fates = await orphaned(7);
  assert.deepEqual(await orphaned(7), fates);
  assert.notDeepEqual(await orphaned(8), fates);
});

test("ws-orphan: an orphan hears neither messages nor heartbeats nor the end, and newcomers are well", async (t) => {
  holdHeartbeats(t);
  const server = await testServer(t, { faults: ["ws-orphan=1"] });
  const id = await server.create("[stub lines=3 rate=100]");
  const orphan = await server.ws(id);
  await (await server.sse(id)).ended;
  await assertSilent(orphan);
  const late = await server.ws(id);
  assert.equal(await late.closed, 1000);
  assert.equal(late.log().length, 3);
  await server.remove(id);
  await assertSilent(orphan);
});

test("ws-no-replay: a client gets only what is sent from then on", async (t) => {
  const server = await testServer(t, { faults: ["ws-no-replay"] });
  const id = await server.create("[stub lines=40 rate=100]");
  const first = await server.ws(id);
  await first.messages(10);
  const second = await server.ws(id);
  await Promise.all([first.closed, second.closed]);
  assert.equal(first.log().length, 40);
  assert.ok(second.log().length > 0 && second.log().length <= 30);
  assert.deepEqual(second.log(), first.log().slice(-second.log().length));
  assert.deepEqual([first.others().at(-1), second.others()], ["stream_end", ["connection", ...COMPLETED]]);
  const late = await server.ws(id);
  assert.equal(await late.closed, 1000);
  assert.deepEqual([late.log(), late.others()], [[], ["connection", "status completed", "stream_end"]]);
});

test("ws-silent-stream: unknown, finished and deleted plans are accepted, and get heartbeats alone", async (t) => {
  holdHeartbeats(t);
  const server = await testServer(t, { faults: ["ws-silent-stream"] });
  const { id, live } = await finishedPlan(server, "[stub lines=3 rate=10]");
  assert.deepEqual(live.others(), [...LIVE, ...COMPLETED]);
  await assertSilent(await server.ws(id), "heartbeat");
  await server.remove(id);
  await assertSilent(await server.ws(id), "heartbeat");
  await assertSilent(await server.ws("PlanExe_unknown"), "heartbeat");
});

test("the WebSocket version has all of its faults", async (t) => {
  holdHeartbeats(t);
  const server = await testServer(t, { behaviour: "ws-2025-10", faults: ["ws-orphan=0"] });
  const { id, live } = await finishedPlan(server, "[stub lines=3 rate=10 exit=1]");
  assert.ok(live.others().includes("status fallback"));
  await assertSilent(await server.ws(id), "heartbeat");
});
