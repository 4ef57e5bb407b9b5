import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStamp } from "./stamp.ts";

const SECOND = Date.UTC(2026, 10, 22, 8, 49, 17);

test("naive timestamps are UTC, with the fraction kept", () => {
  assert.equal(parseStamp("2026-11-22T08:49:17"), SECOND);
  assert.equal(parseStamp("2026-11-22T08:49:17Z"), SECOND);
  assert.ok(Math.abs((parseStamp("2026-11-22T08:49:17.345942") ?? 0) - (SECOND + 345.942)) < 0.001);
  assert.equal(parseStamp("2026-11-22T08:49:18.5Z"), SECOND + 1_500);
  assert.equal(parseStamp("2026-11-22T08:49:17+00:00"), SECOND);
  assert.equal(parseStamp("2026-11-22T09:49:17.500000+01:00"), SECOND + 500);
  assert.equal(parseStamp("2026-11-22T03:19:17-05:30"), SECOND);
});

test("anything else is no timestamp", () => {
  for (const stamp of [
    "",
    "yesterday",
    "2026-13-45T99:99:99",
    "2026-11-22T08:49:17.x",
    17,
    null,
    undefined,
  ]) {
    assert.equal(parseStamp(stamp), undefined, String(stamp));
  }
});
