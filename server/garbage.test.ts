import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOCATED, Garbage } from "./garbage.ts";
import { Connection } from "./pool.ts";

/** Garbage, and which of the connections that it keeps have been given back. */
function garbage() {
  const found = new Garbage();
  const back: string[] = [];
  const open = (name: string) => found.keep(new Connection(() => back.push(name)));
  const ended = (...names: string[]) => {
    for (const name of names) open(name)();
  };
  /** The collections that there are until the first of the middle generation. */
  const collections = (count: number) => found.allocate(700 * count);
  return { found, back, open, ended, collections };
}

test("it goes by allocations: what has ended comes back, but for the next to open, until the middle generation", () => {
  const { found, back, ended, collections } = garbage();
  ended("a", "b");
  found.allocate(699);
  assert.deepEqual(back, []);
  found.allocate(1);
  assert.deepEqual(back, ["a", "b"]);
  ended("old", "young");
  collections(2);
  assert.deepEqual(back, ["a", "b", "young"]);
  collections(1);
  assert.deepEqual(back, ["a", "b", "young", "old"]);
  collections(10);
  ended("older");
  collections(1);
  assert.equal(back.at(-1), "older");
});

test("what is open at a collection of the youngest comes back at one of the middle generation", () => {
  const { back, open, collections } = garbage();
  const end = open("late");
  collections(1);
  end();
  collections(2);
  assert.deepEqual(back, []);
  collections(1);
  assert.deepEqual(back, ["late"]);
});

test("what is open at a collection of the middle generation is lost", () => {
  const { back, open, collections } = garbage();
  const end = open("lost");
  collections(4);
  end();
  collections(22);
  assert.deepEqual(back, []);
});

/** The most connections that linger while so many plans follow one another, each with so many clients. */
function mostLingering(plans: number, clients: number): number {
  const found = new Garbage();
  let held = 0;
  let most = 0;
  for (let plan = 0; plan < plans; plan++) {
    found.allocate(ALLOCATED.plan);
    const ends = Array.from({ length: clients }, () => {
      held++;
      const end = found.keep(new Connection(() => held--));
      found.allocate(ALLOCATED.stream);
      return end;
    });
    most = Math.max(most, held);
    for (const end of ends) end();
    found.allocate(ALLOCATED.deletion);
  }
  return most;
}

test("as on the real server, plans with one client fit into the pool one after the other, those with five do not", () => {
  const alone = mostLingering(60, 1);
  assert.ok(alone >= 8 && alone <= 13, `${alone} connections`);
  assert.ok(mostLingering(4, 5) <= 14);
  assert.ok(mostLingering(6, 5) > 15);
});
