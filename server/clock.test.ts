import assert from "node:assert/strict";
import { test } from "node:test";
import { isoNaive, now } from "./clock.ts";

test("the clock stays within a millisecond of the wall clock and does not run backwards", () => {
  let last = 0;
  for (let i = 0; i < 20_000; i++) {
    const before = Date.now();
    const at = now();
    assert.ok(at >= before * 1000 && at < (Date.now() + 1) * 1000);
    assert.ok(at >= last);
    last = at;
  }
});

test("timestamps are naive UTC with microseconds, without a fraction when it is zero", () => {
  const second = Date.UTC(2026, 10, 22, 8, 49, 17) * 1000;
  assert.equal(isoNaive(second + 345_942), "2026-11-22T08:49:17.345942");
  assert.equal(isoNaive(second + 42), "2026-11-22T08:49:17.000042");
  assert.equal(isoNaive(second), "2026-11-22T08:49:17");
});
