import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ageOf, median, type TestServer, testServer, type WsClient } from "./testing.ts";

const LINES = 300;
const FAST = `[stub lines=${LINES} rate=3000]`;
const SSE_END = [
  '{"type":"status","status":"stdout_closed","message":"Pipeline output closed"}',
  '{"type":"status","status":"completed","message":"Plan generation completed"}',
  "Stream ended",
];
const WS_END = ["connection", "status running", "status stdout_closed", "status completed", "stream_end"];

/** What an SSE stream and a WebSocket of one plan received, both told the end. */
async function delivered(server: TestServer, directive = FAST) {
  const id = await server.create(directive);
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await Promise.all([sse.ended, ws.closed]);
  assert.deepEqual([sse.others(), ws.others()], [SSE_END, WS_END]);
  return { id, sse: sse.log(), ws: ws.log() };
}

test("lose: so many messages do not reach a stream, others another; all are in the plan's log", async (t) => {
  const server = await testServer(t, { faults: ["lose=0.3"], seed: 5 });
  const { id, sse, ws } = await delivered(server);
  for (const log of [sse, ws]) {
    assert.ok(log.length > 0.6 * LINES && log.length < 0.8 * LINES, `${log.length} messages`);
    assert.deepEqual([...new Set(log)].sort(), log);
  }
  assert.notDeepEqual(sse, ws);
  const { pipeline_log: log } = await server.json<{ pipeline_log: string }>(`/api/plans/${id}/details`);
  assert.equal(log.split("\n").length, LINES);
});

test("lose: the same messages for a seed", async (t) => {
  const lost = async () => {
    const server = await testServer(t, { faults: ["lose=0.3"], seed: 5 });
    const client = await server.sse(await server.create(FAST));
    await client.ended;
    return client.log().map((message) => message.replace(/^\S+ /, ""));
  };
  assert.deepEqual(await lost(), await lost());
});

test("duplicate: so many messages come twice, in order", async (t) => {
  const { sse, ws } = await delivered(await testServer(t, { faults: ["duplicate=0.3"] }));
  for (const log of [sse, ws]) {
    assert.ok(log.length > 1.2 * LINES && log.length < 1.4 * LINES, `${log.length} messages`);
    assert.equal(new Set(log).size, LINES);
    assert.deepEqual([...log].sort(), log);
  }
});

test("reorder: messages change places with their successors, and none is lost", async (t) => {
  const { sse, ws } = await delivered(await testServer(t, { faults: ["reorder=0.3"] }));
  for (const log of [sse, ws]) {
    const sorted = [...log].sort();
    const displaced = log.map((message, place) => Math.abs(sorted.indexOf(message) - place));
    assert.equal(new Set(log).size, LINES);
    assert.equal(log.length, LINES);
    assert.equal(Math.max(...displaced), 1);
  }
});

test("reorder: at the end of the log there is nothing to change places with", async (t) => {
  const { sse, ws } = await delivered(
    await testServer(t, { faults: ["reorder=1"] }),
    "[stub lines=3 rate=100]",
  );
  const [first, second, third] = [...sse].sort();
  assert.deepEqual(sse, [second, first, third]);
  assert.deepEqual(ws, sse);
});

test("latency: every message and the end come so much later, in order", async (t) => {
  const server = await testServer(t, { faults: ["latency=300"] });
  const client = await server.ws(await server.create("[stub lines=20 rate=200]"));
  const ages = agesOf(client);
  await client.closed;
  assert.equal(ages.length, 20);
  assert.ok(Math.min(...ages) >= 299, `${Math.min(...ages)} ms`);
  const end = String(client.frames.at(-1)?.timestamp);
  assert.ok(ageOf(end) >= 299);
  assert.deepEqual([...client.log()].sort(), client.log());
});

/** How old each log message is when it comes. */
function agesOf(client: WsClient): number[] {
  const ages: number[] = [];
  client.socket.on("message", () => {
    ages.push(...client.log().slice(ages.length).map(ageOf));
  });
  return ages;
}

test("throttle: what waits is kept, however much it is", async (t) => {
  const server = await testServer(t, { faults: ["throttle=20000"] });
  const { id, ws } = await delivered(server, "[stub lines=11000 rate=20000]");
  const late = await server.sse(id);
  await late.ended;
  assert.equal(ws.length, 11_000);
  assert.deepEqual(late.log(), ws);
});

test("throttle: a stream gets messages slower than they are written", async (t) => {
  const server = await testServer(t, { faults: ["throttle=100"] });
  const begun = performance.now();
  const { ws } = await delivered(server, "[stub lines=40 rate=2000]");
  assert.equal(ws.length, 40);
  assert.ok(performance.now() - begun >= 360);
});

test("cut: every stream is destroyed without a word, and another can be had", async (t) => {
  const server = await testServer(t, { faults: ["cut=200"] });
  const id = await server.create("[stub lines=1000 rate=100]");
  for (let round = 0; round < 2; round++) {
    const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
    await assert.rejects(sse.ended);
    assert.equal(await ws.closed, 1006);
    assert.deepEqual([sse.others(), ws.others()], [[], ["connection", "status running"]]);
    assert.ok(ws.log().length > 0);
  }
});

test("cut: a stream that ends before is not cut", async (t) => {
  const { sse, ws } = await delivered(await testServer(t, { faults: ["cut=10000"] }));
  assert.deepEqual([sse.length, ws.length], [LINES, LINES]);
});

test("ws-step: messages come in steps while the server is idle, and at once when it is busy", async (t) => {
  const server = await testServer(t, { faults: ["ws-step=300"] });
  const ages = async () => {
    const client = await server.ws(await server.create("[stub lines=30 rate=100]"));
    const found = agesOf(client);
    await client.closed;
    assert.equal(found.length, 30);
    return median(found);
  };
  const idle = await ages();
  await Promise.all(Array.from({ length: 4 }, () => server.create("[stub lines=1 rate=0.01]")));
  const busy = await ages();
  assert.ok(idle > 100 && busy < 100, `${idle} ms, ${busy} ms`);
});

test("plan-death: streams hear nothing more but heartbeats; the plan keeps its report and can be deleted", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const server = await testServer(t, { faults: ["plan-death=300"] });
  const id = await server.create("[stub lines=100 rate=100]");
  const survivor = await server.ws(await server.create("[stub lines=3 rate=100]"));
  const client = await server.ws(id);
  assert.equal(await survivor.closed, 1000);
  await client.messages(1);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const { length } = client.log();
  mock.timers.tick(30_000);
  await client.settled();
  assert.deepEqual(client.others(), ["connection", "status running", "heartbeat"]);
  assert.ok(length < 60);
  assert.equal(client.log().length, length);
  assert.equal((await server.plan(id)).status, "running");
  await server.json(`/api/plans/${id}/fallback-report`);
  assert.equal(await server.remove(id), 200);
  assert.equal(await client.closed, 1000);
});

test("slowdown: plans that run at once hold each other up by the exponent", async (t) => {
  const spanOf = async (faults: string[], count: number) => {
    const server = await testServer(t, { faults });
    const ids = await Promise.all(
      Array.from({ length: count }, () => server.create("[stub lines=21 rate=100]")),
    );
    const clients = await Promise.all(ids.map((id) => server.sse(id)));
    await Promise.all(clients.map(({ ended }) => ended));
    const [first = "", last = ""] = [clients[0]?.log()[0], clients[0]?.log().at(-1)];
    return ageOf(first) - ageOf(last);
  };
  const [alone, slowed, healthy] = await Promise.all([
    spanOf(["slowdown=1"], 1),
    spanOf(["slowdown=1"], 4),
    spanOf([], 4),
  ]);
  assert.ok(slowed > 700, `${slowed} ms`);
  assert.ok(alone < 500 && healthy < 500, `${alone} ms, ${healthy} ms`);
});
