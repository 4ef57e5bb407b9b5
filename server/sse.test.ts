import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { START_DELAY_MS } from "./pipeline.ts";
import { ageOf, eventually, median, type SseClient, type TestServer, testServer } from "./testing.ts";

const CLOSED = '{"type":"status","status":"stdout_closed","message":"Pipeline output closed"}';
const COMPLETED = '{"type":"status","status":"completed","message":"Plan generation completed"}';
const FAILED = '{"type":"status","status":"failed","message":"Plan generation failed"}';
const END = "Stream ended";
const NOT_ESTABLISHED = '{"message":"Stream could not be established."}';
const PING_MS = 15_000;

/** The time of pings is the test's while it runs. */
function holdPings(test: { after(hook: () => void): void }): void {
  mock.timers.enable({ apis: ["setInterval"] });
  test.after(() => mock.timers.reset());
}

/** Waits for the next ping of each: whatever the server had to send before has come, and the streams are open. */
async function pinged(...clients: SseClient[]): Promise<void> {
  const pings = clients.map((client) => client.nextPing());
  mock.timers.tick(PING_MS);
  await Promise.all(pings);
}

async function withoutModel(server: TestServer): Promise<string> {
  const response = await fetch(`${server.url}/api/plans`, { method: "POST", body: '{"prompt":"no model"}' });
  return ((await response.json()) as { plan_id: string }).plan_id;
}

test("the exact bytes of a stream", async (t) => {
  const server = await testServer(t);
  const client = await server.sse(await server.create("[stub lines=2 rate=100]"));
  await client.ended;
  assert.equal(client.response.headers["content-type"], "text/event-stream; charset=utf-8");
  const stamp = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?/g;
  const line = (text: string) => `event: task_update\r\ndata: ${text}\r\n\r\n`;
  const log = (text: string) => line(`{"type":"log","message":"${text}","timestamp":"T"}`);
  const [first = "", second = ""] = client.log().map((message) => message.replace(/^\S+ /, ""));
  assert.equal(
    client.text.replace(stamp, "T"),
    `${log(first)}${log(second)}${line(CLOSED)}${line(COMPLETED)}event: end\r\ndata: Stream ended\r\n\r\n`,
  );
});

test("a failed pipeline ends in failed, in the versions with a fallback too", async (t) => {
  const server = await testServer(t);
  const client = await server.sse(await server.create("[stub lines=2 rate=100 exit=1]"));
  await client.ended;
  assert.deepEqual(client.others(), [CLOSED, FAILED, END]);
});

test("an unknown plan is an error event in a 200, in every version that has the stream", async (t) => {
  for (const behaviour of ["healthy", "sse-2025-09"] as const) {
    const server = await testServer(t, { behaviour });
    const client = await server.sse("PlanExe_unknown");
    await client.ended;
    assert.equal(client.response.statusCode, 200);
    assert.equal(client.text, 'event: error\r\ndata: {"message":"Plan not found"}\r\n\r\n');
  }
});

test("a ping comes every 15 seconds", async (t) => {
  holdPings(t);
  const server = await testServer(t);
  const client = await server.sse(await server.create("[stub lines=1 rate=0.01]"));
  await pinged(client);
  await pinged(client);
  assert.match(client.text, /^(: ping - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00\r\n\r\n){2}$/);
});

test("a finished plan is replayed with its original timestamps", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=30 rate=500]");
  const live = await server.sse(id);
  await live.ended;
  const late = await server.sse(id);
  await late.ended;
  assert.deepEqual(late.log(), live.log());
  assert.deepEqual(late.others(), [COMPLETED, END]);
});

test("the last 10,000 messages are replayed", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=12000 rate=20000]");
  const live = await server.sse(id);
  await live.ended;
  const late = await server.sse(id);
  await late.ended;
  assert.equal(live.log().length, 12_000);
  assert.deepEqual(late.log(), live.log().slice(-10_000));
});

test("clients that join at any moment miss nothing and get nothing twice, at 2,000 lines a second", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=2000 rate=2000]");
  const first = await server.sse(id);
  const joiners = Array.from({ length: 20 }, async () => {
    await sleep(Math.random() * 1000);
    return server.sse(id);
  });
  const clients = await Promise.all(joiners);
  await Promise.all([first, ...clients].map(({ ended }) => ended));
  assert.equal(new Set(first.log()).size, 2000);
  assert.deepEqual([...first.log()].sort(), first.log());
  for (const client of clients) {
    assert.deepEqual(client.log(), first.log());
  }
});

test("timestamps never run ahead of the wall clock", async (t) => {
  const server = await testServer(t);
  const client = await server.sse(await server.create("[stub lines=1000 rate=5000]"));
  await client.ended;
  const last = client.log().at(-1)?.slice(0, 23);
  assert.ok(Date.parse(`${last}Z`) <= Date.now() + 1);
});

test("a client that does not read holds up nobody, and is kept no more than the last 10,000 messages", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=40000 rate=5000]");
  const slow = await server.sse(id);
  slow.response.pause();
  const client = await server.sse(id);
  await client.ended;
  assert.equal(client.log().length, 40_000);
  assert.equal((await server.counts()).streams.sse, 1);
  slow.response.resume();
  await slow.ended;
  assert.ok(slow.log().length < 40_000);
  assert.deepEqual(slow.log().slice(-10_000), client.log().slice(-10_000));
  assert.deepEqual(slow.others(), [CLOSED, COMPLETED, END]);
});

test("deleting a plan stops its pipeline and ends its streams", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=1000 rate=100]");
  const client = await server.sse(id);
  await client.messages(3);
  assert.equal(await server.remove(id), 200);
  await client.ended;
  assert.deepEqual(client.others(), [END]);
  const { messages } = await server.counts();
  await sleep(50);
  assert.equal((await server.counts()).messages, messages);
});

test("healthy: the stream of a plan that never started says failed, and ends", async (t) => {
  const server = await testServer(t);
  const client = await server.sse(await withoutModel(server));
  await client.ended;
  assert.deepEqual(client.others(), [FAILED, END]);
});

test("healthy: everybody gets everything, and nobody suffers from who leaves", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=50 rate=200]");
  const leaver = await server.sse(id);
  const clients = await Promise.all([server.sse(id), server.sse(id)]);
  await leaver.messages(5);
  leaver.leave();
  const back = await server.sse(id);
  for (const client of [...clients, back]) {
    await client.ended;
    assert.equal(client.log().length, 50);
    assert.deepEqual(client.others(), [CLOSED, COMPLETED, END]);
  }
});

test("sse-shared-queue: each message reaches one stream, in turn, and one stream ends", async (t) => {
  holdPings(t);
  const server = await testServer(t, { faults: ["sse-shared-queue"] });
  const id = await server.create("[stub lines=98 rate=200]");
  const clients = await Promise.all([1, 2, 3, 4, 5].map(() => server.sse(id)));
  const ended = await Promise.race(clients.map((client) => client.ended.then(() => client)));
  const hanging = clients.filter((client) => client !== ended);
  await pinged(...hanging);
  const all = clients.flatMap((client) => client.log());
  assert.deepEqual([all.length, new Set(all).size], [98, 98]);
  for (const client of clients) {
    assert.ok(client.log().length >= 10 && client.log().length <= 30);
  }
  // what has become of the plan, and that the stream is over, are messages of the queue like others
  assert.equal(ended.others().at(-1), END);
  assert.deepEqual(clients.flatMap((client) => client.others()).sort(), [END, CLOSED, COMPLETED].sort());
  assert.equal((await server.counts()).streams.sse, 4);
});

test("sse-shared-queue: messages wait for who comes, and are not replayed", async (t) => {
  const server = await testServer(t, { faults: ["sse-shared-queue"] });
  const id = await server.create("[stub lines=20 rate=100]");
  const ws = await server.ws(id);
  await ws.messages(5);
  const first = await server.sse(id);
  await first.messages(10);
  first.leave();
  await ws.closed;
  const second = await server.sse(id);
  await second.ended;
  assert.equal(ws.log().length, 20);
  assert.equal(new Set([...first.log(), ...second.log()]).size, first.log().length + second.log().length);
  assert.deepEqual(second.others(), [CLOSED, COMPLETED, END]);
});

test("sse-queue-removed: who leaves bars newcomers, while stream-status says ready; who stays hears on", async (t) => {
  const server = await testServer(t, { faults: ["sse-queue-removed"] });
  const id = await server.create("[stub lines=60 rate=100]");
  const [leaver, stayer] = await Promise.all([server.sse(id), server.sse(id)]);
  await Promise.all([leaver.messages(5), stayer.messages(5)]);
  assert.deepEqual(leaver.log().slice(0, 5), stayer.log().slice(0, 5));
  const ws = await server.ws(id);
  leaver.leave();
  assert.equal(await ws.closed, 1000);
  assert.equal(ws.log().length, 60);
  await stayer.ended;
  assert.equal(stayer.log().length, 60);
  assert.deepEqual(stayer.others(), [CLOSED, COMPLETED, END]);
  const late = await server.sse(id);
  await late.ended;
  assert.equal(late.text, `event: error\r\ndata: ${NOT_ESTABLISHED}\r\n\r\n`);
  assert.deepEqual(await server.json(`/api/plans/${id}/stream-status`), { status: "ready", ready: true });
  assert.equal((await server.counts()).queues, 0);
});

test("sse-queue-removed: what waits in a shared queue is lost when somebody leaves; who stays hears what comes", async (t) => {
  const faults = ["sse-queue-removed", "sse-shared-queue", "sse-poll=300"];
  const server = await testServer(t, { faults });
  const id = await server.create("[stub lines=60 rate=60]");
  const leaver = await server.sse(id);
  await leaver.messages(1);
  const stayer = await server.sse(id);
  const before = (await server.counts()).messages;
  await eventually(async () => (await server.counts()).messages > before + 3);
  leaver.leave();
  const back = await server.sse(id);
  await back.ended;
  assert.deepEqual(back.others(), [NOT_ESTABLISHED]);
  await stayer.ended;
  const heard = leaver.log().length + stayer.log().length;
  assert.ok(heard < 60 && stayer.log().length > 20, `${leaver.log().length} and ${stayer.log().length}`);
  assert.deepEqual(stayer.others(), [CLOSED, COMPLETED, END]);
});

test("sse-queue-removed: who comes back at once is refused, every time", async (t) => {
  const server = await testServer(t, { faults: ["sse-queue-removed", "sse-poll"] });
  for (let round = 0; round < 10; round++) {
    const id = await server.create("[stub lines=1000 rate=200]");
    const leaver = await server.sse(id);
    const back = connect(server.port, "127.0.0.1").setEncoding("utf8");
    await Promise.all([leaver.messages(1), once(back, "connect")]);
    leaver.leave();
    back.write(`GET /api/plans/${id}/stream HTTP/1.0\r\n\r\n`);
    let text = "";
    for await (const chunk of back) text += chunk;
    assert.ok(text.endsWith(`event: error\r\ndata: ${NOT_ESTABLISHED}\r\n\r\n`), text);
  }
});

test("sse-queue-removed: until somebody leaves all is well; the end of a plan bars newcomers", async (t) => {
  const server = await testServer(t, { faults: ["sse-queue-removed"] });
  const id = await server.create("[stub lines=20 rate=200]");
  const clients = await Promise.all([server.sse(id), server.sse(id), server.sse(id)]);
  for (const client of clients) {
    await client.ended;
    assert.equal(client.log().length, 20);
    assert.deepEqual(client.others(), [CLOSED, COMPLETED, END]);
  }
  const late = await server.sse(id);
  await late.ended;
  assert.deepEqual(late.others(), [NOT_ESTABLISHED]);
});

/** The stream of a plan that was deleted before it started, however busy the machine. */
async function deletedAtOnce(server: TestServer): Promise<SseClient> {
  for (;;) {
    const begun = performance.now();
    const id = await server.create("[stub lines=1000 rate=100]");
    const client = await server.sse(id);
    await server.remove(id);
    if (performance.now() - begun < START_DELAY_MS) return client;
    client.leave();
  }
}

test("sse-endless-stream: plans that never started, or were deleted before they did, have streams without end", async (t) => {
  holdPings(t);
  const server = await testServer(t, { faults: ["sse-endless-stream"] });
  const neverStarted = await server.sse(await withoutModel(server));
  const deleted = await deletedAtOnce(server);
  await pinged(neverStarted, deleted);
  assert.deepEqual([neverStarted.others(), deleted.others()], [[], []]);
  neverStarted.leave();
  deleted.leave();

  const running = await server.create("[stub lines=1000 rate=100]");
  const told = await server.sse(running);
  await told.messages(2);
  await server.remove(running);
  await told.ended;
  const completed = await server.sse(await server.create("[stub lines=2 rate=100]"));
  await completed.ended;
  assert.deepEqual(completed.others(), [CLOSED, COMPLETED, END]);
});

test("sse-poll: messages wait for the poll of their stream, and none is lost", async (t) => {
  const polled = await latencies(await testServer(t, { faults: ["sse-poll=400"] }));
  const healthy = await latencies(await testServer(t));
  assert.deepEqual([polled.length, healthy.length], [60, 60]);
  assert.ok(median(polled) > 100, `${median(polled)} ms`);
  assert.ok(median(healthy) < 100, `${median(healthy)} ms`);
});

/** How many ms after its timestamp each message came. */
async function latencies(server: TestServer): Promise<number[]> {
  const client = await server.sse(await server.create("[stub lines=60 rate=100]"));
  const found: number[] = [];
  client.response.on("data", () => {
    for (const message of client.log().slice(found.length)) {
      found.push(ageOf(message));
    }
  });
  await client.ended;
  return found;
}

test("sse-poll: streams that open at once poll together, and the first of them takes nearly all", async (t) => {
  const server = await testServer(t, { faults: ["sse-poll=100", "sse-shared-queue"] });
  const id = await server.create("[stub lines=40 rate=40]");
  const clients = await Promise.all([1, 2, 3, 4, 5].map(() => server.sse(id)));
  await Promise.race(clients.map((client) => client.ended));
  const shares = clients.map((client) => client.log().length);
  assert.equal(
    shares.reduce((sum, share) => sum + share, 0),
    40,
  );
  assert.ok(Math.max(...shares) > 2 * Math.min(...shares), shares.join());
  assert.equal((await server.counts()).mostConnections, 6);
});

test("unnamed-events: the same data under no name", async (t) => {
  const server = await testServer(t, { faults: ["unnamed-events"] });
  const client = await server.sse(await server.create("[stub lines=3 rate=100]"));
  await client.ended;
  assert.equal(client.log().length, 3);
  assert.doesNotMatch(client.text, /^event:/m);
  assert.match(client.text, /data: Stream ended\r\n\r\n$/);
});

test("llm-stream: beside each line of the log a message of a type that older servers do not have", async (t) => {
  const server = await testServer(t, { faults: ["llm-stream"] });
  const id = await server.create("[stub lines=3 rate=100]");
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await Promise.all([sse.ended, ws.closed]);
  assert.equal(sse.text.split('"type":"llm_stream"').length, 4);
  assert.equal(ws.others().filter((type) => type === "llm_stream").length, 3);
});

test("the SSE version has all of its faults", async (t) => {
  holdPings(t);
  const server = await testServer(t, { behaviour: "sse-2025-09" });
  const id = await server.create("[stub lines=40 rate=100]");
  const clients = await Promise.all([1, 2, 3].map(() => server.sse(id)));
  const ended = await Promise.race(clients.map((client) => client.ended.then(() => client)));
  const all = clients.flatMap((client) => client.log());
  assert.deepEqual([all.length, new Set(all).size], [40, 40]);
  await pinged(...clients.filter((client) => client !== ended));
  const late = await server.sse(id);
  await late.ended;
  assert.deepEqual(late.others(), [NOT_ESTABLISHED]);
});
