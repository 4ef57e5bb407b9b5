import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { saveBaseline } from "./baselines.ts";
import { prune } from "./pruning.ts";

test("what is older than so many days goes; what a baseline names, and what is not ours, stays", (t) => {
  const out = mkdtempSync(join(tmpdir(), "plan-load-"));
  t.after(() => rmSync(out, { recursive: true }));
  const holding: Record<string, string> = {
    "20260101T000000Z-suite-r1-ws-smoke-0001": "run.json",
    "20260101T000000Z-suite-r1-ws-smoke-0002": "run.json",
    "20260101T000000Z-comparison-0003": "comparison.json",
    "20260109T000001Z-suite-r1-ws-smoke-0004": "run.json",
    "20260101T000000Z-suite-r1-ws-smoke-0005": ".run.json.123.tmp",
    "20260101T000000Z-notes": "notes.txt",
    notes: "run.json",
  };
  for (const [name, file] of Object.entries(holding)) {
    mkdirSync(join(out, name));
    writeFileSync(join(out, name, file), "{}");
  }
  mkdirSync(join(out, "20260101T000000Z-suite-r1-ws-smoke-0006"));
  saveBaseline(out, "spring", ["20260101T000000Z-suite-r1-ws-smoke-0002"]);
  const removed = prune(out, 7, Date.parse("2026-01-16T00:00:00Z"));
  assert.deepEqual(removed.sort(), [
    "20260101T000000Z-comparison-0003",
    "20260101T000000Z-suite-r1-ws-smoke-0001",
    "20260101T000000Z-suite-r1-ws-smoke-0005",
    "20260101T000000Z-suite-r1-ws-smoke-0006",
  ]);
  assert.deepEqual(readdirSync(out).sort(), [
    "20260101T000000Z-notes",
    "20260101T000000Z-suite-r1-ws-smoke-0002",
    "20260109T000001Z-suite-r1-ws-smoke-0004",
    "baselines",
    "notes",
  ]);
  assert.deepEqual(prune(join(out, "nowhere"), 7), []);
});
