import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "./config.ts";
import { type LoadTest, longestSeconds } from "./loadtest.ts";
import { slotsOf } from "./runplan.ts";

const config = { profile: "smoke", recoverySeconds: 60 } as Config;
const loadTest = (name: string, shape: object): LoadTest =>
  ({ name, profiles: { smoke: shape } }) as LoadTest;

test("a test takes as long as its users, in turns or at a rate, may take", () => {
  assert.equal(longestSeconds({ users: 5, userSeconds: 10 }), 10);
  assert.equal(longestSeconds({ users: 5, atOnce: 2, userSeconds: 10 }), 30);
  assert.equal(longestSeconds({ users: 1_200, arrivalsPerSecond: 20, userSeconds: 70 }), 130);
});

test("k6 cuts no test short, though all before it took their longest and the server as long to recover, twice", () => {
  const tests = [
    loadTest("a", { users: 3, atOnce: 1, userSeconds: 10 }),
    loadTest("b", { users: 2, userSeconds: 20 }),
  ];
  const [a, b] = slotsOf(tests, config, (users) => users);
  assert.ok((a?.cutAt ?? 0) >= 30 + 2 * 60);
  assert.ok((b?.cutAt ?? 0) >= 30 + 20 + 4 * 60);
});

test("the tests of a shared run are scheduled one after the other, none before the last has had its longest", () => {
  const tests = ["a", "b", "c"].map((name) => loadTest(name, { users: 2, atOnce: 1, userSeconds: 5 }));
  const scheduled = slotsOf(tests, config, () => 1).map(({ scheduledAt }) => scheduledAt);
  assert.equal(scheduled[0], 0);
  assert.ok((scheduled[1] ?? 0) > 10 && (scheduled[2] ?? 0) > 10 + (scheduled[1] ?? 0));
});
