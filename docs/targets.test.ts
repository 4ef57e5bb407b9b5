import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { showTarget, showTolerance, TARGETS } from "../thresholds/targets.ts";

test("docs/targets.md says of every target what the table in thresholds/ says", () => {
  const page = readFileSync(new URL("targets.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(.+)` \|.+? \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  assert.deepEqual(
    rows,
    TARGETS.map((row) => [row.id, showTarget(row), row.before, showTolerance(row)]),
  );
});
