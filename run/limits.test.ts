import assert from "node:assert/strict";
import { test } from "node:test";
import { type Limits, limitChecks } from "./limits.ts";
import { needsOf } from "./needs.ts";

const MIB = 2 ** 20;
const NEEDS = { streams: 100, users: 20, openFiles: 204, ports: 140, memoryBytes: 160 * MIB };
const ENOUGH: Limits = {
  openFiles: 204,
  ports: 140,
  hasOwnAddresses: false,
  memoryBytes: 160 * MIB,
  diskBytes: 20 * MIB,
  unwritable: "",
};
const wrongWith = (limits: Partial<Limits>) =>
  limitChecks(NEEDS, { ...ENOUGH, ...limits }, "results")
    .filter(({ isMet }) => !isMet)
    .map(({ text }) => text);

test("what is just enough is enough, and what the system does not tell stops nobody", () => {
  assert.deepEqual(wrongWith({}), []);
  assert.deepEqual(wrongWith({ openFiles: null, ports: null, memoryBytes: null, diskBytes: null }), []);
  assert.deepEqual(wrongWith({ ports: 1, hasOwnAddresses: true }), []);
});

test("what is too little is told in one sentence, with what to do", () => {
  const load = "needed for 100 streams and 20 virtual users at once";
  const less = "choose a smaller PROFILE, or share the run among machines (docs/scale.md)";
  assert.deepEqual(wrongWith({ openFiles: 203 }), [
    `open files: 203 free, about 204 ${load}; raise the limit (ulimit -n 204), or ${less}`,
  ]);
  assert.deepEqual(wrongWith({ ports: 139 }), [
    `ports: 139 free, about 140 ${load}; give k6 more source addresses (--local-ips 127.0.0.2-127.0.0.9), or ${less}`,
  ]);
  assert.deepEqual(wrongWith({ memoryBytes: 100 * MIB }), [
    `memory: 100 MiB free, about 160 MiB ${load}; free some, or ${less}`,
  ]);
  assert.deepEqual(wrongWith({ diskBytes: MIB }), [
    "disk space: 1 MiB free, about 20 MiB needed for results; free some, or choose another directory with OUT_DIR",
  ]);
  assert.deepEqual(wrongWith({ unwritable: "cannot write", diskBytes: 0 }), ["cannot write"]);
});

test("connections are those of the largest test, users those of all, each test with one that watches it", () => {
  const slot = (share: number, streams: number, atOnce?: number) =>
    ({
      share,
      test: { profiles: { smoke: { streams, atOnce } }, streamsEach: (n: { streams: number }) => n.streams },
    }) as never;
  const config = { profile: "smoke", transport: "ws" } as never;
  const { memoryBytes, ...needs } = needsOf([slot(3, 5), slot(10, 1), slot(1, 16)], config);
  assert.deepEqual(needs, { streams: 16, users: 17, openFiles: 30 + 64, ports: 30 });
  assert.ok(memoryBytes > 143 * MIB && memoryBytes < 145 * MIB, String(memoryBytes));
  assert.equal(
    needsOf([slot(10, 5, 2)], config).streams,
    10,
    "of users that take turns as many as play at once",
  );
  assert.equal(needsOf([], config).streams, 0);
});
