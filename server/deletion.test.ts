import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestServer, testServer } from "./testing.ts";

const ENDLESS = "[stub lines=1 rate=0.01]";

async function deletion(server: TestServer, id: string): Promise<{ status: number; detail: unknown }> {
  const response = await fetch(`${server.url}/api/plans/${id}`, { method: "DELETE" });
  return { status: response.status, detail: ((await response.json()) as { detail?: unknown }).detail };
}

/** How many deletions it takes to delete each of 40 plans. */
async function tries(server: TestServer): Promise<number> {
  let count = 0;
  for (let plan = 0; plan < 40; plan++) {
    const id = await server.create(ENDLESS);
    for (let status = 0; status !== 200; count++) {
      ({ status } = await deletion(server, id));
      assert.ok(status === 200 || status === 500);
    }
  }
  assert.equal((await server.counts()).plans, 0);
  return count;
}

test("healthy: every deletion succeeds at once", async (t) => {
  assert.equal(await tries(await testServer(t)), 40);
});

test("sse-delete-race: deletions fail at a rate, and another try may succeed", async (t) => {
  const count = await tries(await testServer(t, { faults: ["sse-delete-race=0.5"] }));
  assert.ok(count > 55 && count < 130, `${count} deletions`);
});

test("sse-delete-race: a failed deletion leaves the plan as it was", async (t) => {
  const server = await testServer(t, { faults: ["sse-delete-race=1"] });
  const id = await server.create("[stub lines=20 rate=100]");
  const client = await server.sse(id);
  const { status, detail } = await deletion(server, id);
  assert.equal(status, 500);
  assert.match(String(detail), /^Failed to delete plan: /);
  await client.ended;
  assert.equal(client.log().length, 20);
  assert.equal((await server.plan(id)).status, "completed");
});

test("sse-delete-race: the pipeline runs on without its plan, and its streams go on to its failure", async (t) => {
  const server = await testServer(t, { faults: ["sse-delete-race=0"] });
  const id = await server.create("[stub lines=40 rate=100]");
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await sse.messages(5);
  assert.equal(await server.remove(id), 200);
  const { plans, running } = await server.counts();
  assert.deepEqual([plans, running], [0, 1]);
  assert.equal((await fetch(`${server.url}/api/plans/${id}`)).status, 404);

  assert.equal(await ws.closed, 1000);
  const late = await server.sse(id);
  await late.ended;
  assert.deepEqual(late.others(), ['{"message":"Plan not found"}']);

  await sse.ended;
  assert.equal(sse.log().length, 40);
  assert.ok(ws.log().length < 40);
  assert.match(sse.others().join(), /"status":"failed".*Stream ended$/);
  assert.equal((await server.counts()).running, 0);
});

test("ws-delete-500: a failed deletion closes the streams and leaves the plan to its fallback; the next one deletes it", async (t) => {
  const server = await testServer(t, { faults: ["ws-delete-500=1"] });
  const id = await server.create("[stub lines=1000 rate=100]");
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await ws.messages(3);
  const { status, detail } = await deletion(server, id);
  assert.equal(status, 500);
  assert.match(String(detail), /^Failed to delete plan: /);
  const { status: left, progress_message: message } = await server.plan(id);
  assert.deepEqual([left, message], ["completed", "Plan completed via fallback (minimal report)"]);
  assert.equal(await ws.closed, 1000);
  await sse.ended;
  assert.deepEqual(ws.others(), ["connection", "status running"]);
  assert.equal(sse.others().at(-1), "Stream ended");
  assert.equal((await server.counts()).running, 0);
  assert.equal(await server.remove(id), 200);
});

test("ws-delete-500: deletions of unfinished plans fail at a rate, of finished ones never", async (t) => {
  const server = await testServer(t, { faults: ["ws-delete-500=0.5"] });
  const count = await tries(server);
  assert.ok(count > 45 && count < 75, `${count} deletions`);
});
