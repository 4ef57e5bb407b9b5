import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, type TestServer, testServer } from "./testing.ts";

const ENDLESS = "[stub lines=1000 rate=100]";

function isUp(server: TestServer): Promise<boolean> {
  return fetch(`${server.url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Repeats a request until the server crashes at it. */
async function untilCrash(request: () => Promise<unknown>): Promise<void> {
  while (
    await request().then(
      () => true,
      () => false,
    )
  );
}

test("crash: everything breaks off, and the server is back on its port without its plans", async (t) => {
  const server = await testServer(t, { faults: ["crash=0.2"], restartMs: 50 });
  const id = await server.create(ENDLESS);
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await ws.messages(1);
  assert.equal((await server.counts()).crashes, 0);
  const brokenOff = assert.rejects(sse.ended);
  await untilCrash(() => server.create(ENDLESS));
  await brokenOff;
  assert.equal(await ws.closed, 1006);
  await eventually(() => isUp(server));
  const { crashes, plans, running, streams } = await server.counts();
  assert.deepEqual([crashes, plans, running, streams], [1, 0, 0, { sse: 0, ws: 0 }]);
  assert.equal((await fetch(`${server.url}/api/plans/${id}`)).status, 404);
});

test("crash: at deletions as well, at other requests never, again and again", async (t) => {
  const server = await testServer(t, { faults: ["crash=1"], restartMs: 1 });
  for (let crash = 1; crash <= 3; crash++) {
    await assert.rejects(crash === 2 ? server.create(ENDLESS) : server.remove("PlanExe_unknown"));
    await eventually(() => isUp(server));
    assert.equal((await server.counts()).crashes, crash);
    assert.deepEqual(await server.json("/api/plans"), []);
  }
});

test("crash: the same for a seed", async (t) => {
  const survived = async () => {
    const server = await testServer(t, { faults: ["crash=0.1"], seed: 3 });
    let count = 0;
    await untilCrash(async () => {
      await server.create(ENDLESS);
      count++;
    });
    return count;
  };
  assert.equal(await survived(), await survived());
});

test("crash: a server that is down can be stopped", async (t) => {
  const server = await testServer(t, { faults: ["crash=1"], restartMs: 600_000 });
  await assert.rejects(server.create(ENDLESS));
  await server.stop();
  assert.equal(await isUp(server), false);
});

test("stall: the API answers nothing for a while, again and again; figures are to be had all the same", async (t) => {
  const server = await testServer(t, { faults: ["stall=10000"] });
  assert.equal(await isUp(server), true);
  await eventually(async () => {
    const isSlow = sleep(300).then(() => true);
    return Promise.race([isUp(server).then(() => false), isSlow]);
  });
  await server.counts();
});
