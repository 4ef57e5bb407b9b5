import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleRecord } from "../record/testing.ts";
import { runTable } from "./terminal.ts";

test("a server's clock that was taken off its timestamps is told, with its uncertainty", () => {
  const clock = { offsetMs: 3_000, uncertaintyMs: 2, applied: true };
  assert.match(runTable(sampleRecord({ clock })), /^! clock: the server's is \+3000\S* ms ± 2\S* ms off/m);
  assert.doesNotMatch(runTable(sampleRecord({ clock: { ...clock, applied: false } })), /clock/);
});
