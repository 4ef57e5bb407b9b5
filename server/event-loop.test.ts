import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { EventLoop } from "./event-loop.ts";

test("steps are done at once, or in their order when the loop goes on, up to the next that blocks it", async () => {
  const loop = new EventLoop();
  const done: string[] = [];
  const step = (name: string) => () => {
    done.push(name);
  };
  loop.run(step("first"));
  loop.block();
  loop.run(step("second"));
  loop.run(() => loop.block());
  loop.run(step("third"));
  const free = loop.free().then(step("one who asked"));
  assert.deepEqual(done, ["first"]);
  loop.unblock();
  loop.run(step("fourth"));
  await setImmediate();
  await setImmediate();
  assert.deepEqual([done, loop.isBlocked], [["first", "second"], true]);
  loop.unblock();
  await free;
  await new Promise<void>((resolve) => loop.run(resolve));
  assert.deepEqual(done, ["first", "second", "third", "one who asked", "fourth"]);
  loop.run(step("last"));
  await setImmediate();
  assert.equal(done.at(-1), "last");
});

test("what a step begins is done before the next step", async () => {
  const loop = new EventLoop();
  const done: string[] = [];
  loop.block();
  const visits = ["a", "b"].map(async (name) => {
    await loop.free();
    for (let turn = 0; turn < 3; turn++) {
      done.push(name);
      await undefined;
    }
  });
  loop.unblock();
  await Promise.all(visits);
  assert.equal(done.join(""), "aaabbb");
});

test("the time for which it was blocked adds up, and who watches is told", async (t) => {
  t.mock.method(performance, "now", () => clock);
  let clock = 0;
  const loop = new EventLoop();
  const told: boolean[] = [];
  const stop = loop.watch((blocked) => told.push(blocked));
  loop.block();
  clock = 100;
  assert.equal(loop.blockedMs, 100);
  loop.unblock();
  clock = 500;
  assert.equal(loop.blockedMs, 100);
  stop();
  loop.block();
  clock = 550;
  loop.unblock();
  assert.deepEqual([loop.blockedMs, told], [150, [true, false]]);
});
