import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "./pace.ts";

/** Lets everything that can go on do so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("whoever is too far ahead waits until the slowest moves, or leaves", async () => {
  const pace = new Pace();
  const [fast, slow] = [pace.join(), pace.join()];
  let steps = 0;
  const run = async () => {
    for (; steps < 100; steps++) await fast.advance(10);
  };
  void run();
  await settled();
  assert.equal(steps, 10);
  await slow.advance(10);
  await slow.advance(10);
  await settled();
  assert.equal(steps, 12);
  slow.leave();
  await settled();
  assert.equal(steps, 100);
});

test("a newcomer holds nobody up by what it was not there for", async () => {
  const pace = new Pace();
  const first = pace.join();
  for (let i = 0; i < 50; i++) await first.advance(10);
  pace.join();
  await first.advance(10);
});
