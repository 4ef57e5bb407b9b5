import assert from "node:assert/strict";
import { test } from "node:test";
import { markOf, marksOf } from "./instance.ts";

test("a run's plans are found by their marks, and no other run's, whatever the ids have in common", () => {
  const whole = { number: 1, of: 1 };
  const prompts = [
    ...["night-1", "night-10", "night", "1", "a-night-1"].map((id) => markOf(id, whole)),
    ...[2, 20].map((of) => markOf("night-1", { number: 1, of })),
    markOf("night-10", { number: 1, of: 2 }),
  ].map((mark) => `Plan (load test, ${mark}) [stub lines=1]`);
  const found = (marks: readonly string[]) =>
    prompts.map((prompt) => marks.some((mark) => prompt.includes(mark)));
  assert.deepEqual(found(marksOf("night-1")), [true, false, false, false, false, true, true, false]);
  for (const [i, one] of [
    markOf("night-1", whole),
    markOf("night-10", whole),
    markOf("night", whole),
  ].entries())
    assert.deepEqual(
      found([one]),
      prompts.map((_, n) => n === i),
    );
  assert.deepEqual(
    found([markOf("night-1", { number: 1, of: 2 })]),
    prompts.map((_, n) => n === 5),
  );
});
