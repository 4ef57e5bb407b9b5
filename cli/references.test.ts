import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunRecord } from "../record/record.ts";
import { madeUpRecord } from "../thresholds/testing.ts";
import { baselineNames, saveBaseline } from "./baselines.ts";
import { ofOneKind, runsOf } from "./references.ts";
import { readResults } from "./results.ts";

/** A directory of results with runs of two releases over two transports, one that was broken off, and what is no record. */
function results(t: TestContext): string {
  const out = mkdtempSync(join(tmpdir(), "plan-load-"));
  t.after(() => rmSync(out, { recursive: true }));
  let hour = 10;
  const save = (runId: string, different: Partial<RunRecord>) => {
    const transport = runId.startsWith("sse") ? "sse" : "ws";
    const startedAt = `2026-11-22T${hour++}:00:00.000Z`;
    const record = { ...madeUpRecord({ seed: hour, transport }), runId, startedAt, ...different };
    write(out, runId, JSON.stringify(record));
  };
  save("sse-1", { release: "1.0" });
  save("ws-1", { release: "1.0" });
  save("sse-2", { release: "1.1" });
  save("ws-2", { release: "1.1" });
  save("ws-3", { release: "1.1", state: "interrupted" });
  write(out, "half", '{"schema":2,"state":"compl');
  write(out, "future", JSON.stringify({ ...madeUpRecord({ seed: 1 }), schema: 3 }));
  mkdirSync(join(out, "empty"));
  return out;
}

function write(out: string, name: string, text: string): void {
  mkdirSync(join(out, name));
  writeFileSync(join(out, name, "run.json"), text);
}

const idsOf = (reference: string, out: string) =>
  runsOf(reference, out, readResults(out)).map(({ runId }) => runId);

test("what cannot be read is listed with its reason, and hides nothing else", (t) => {
  const { runs, unreadable } = readResults(results(t));
  assert.deepEqual(
    runs.map(({ runId }) => runId),
    ["sse-1", "ws-1", "sse-2", "ws-2", "ws-3"],
  );
  const reasons = Object.fromEntries(unreadable.map(({ name, reason }) => [name, reason]));
  assert.match(reasons.half ?? "", /not JSON, or only a part of it/);
  assert.match(reasons.future ?? "", /schema: it is of another version than this program reads \(1, 2\)/);
  assert.match(reasons.empty ?? "", /neither a record nor a comparison/);
});

test("a side is a record, a directory, a run, a release, latest or previous", (t) => {
  const out = results(t);
  assert.deepEqual(idsOf(join(out, "ws-1", "run.json"), out), ["ws-1"]);
  assert.deepEqual(idsOf(join(out, "ws-3"), out), ["ws-3"]);
  assert.deepEqual(idsOf("sse-2", out), ["sse-2"]);
  assert.deepEqual(idsOf("1.1", out), ["sse-2", "ws-2"]);
  assert.deepEqual(idsOf("latest", out), ["ws-2"]);
  assert.deepEqual(idsOf("previous", out), ["ws-1"]);
  assert.deepEqual(idsOf(out, out), ["sse-1", "ws-1", "sse-2", "ws-2"]);
  writeFileSync(join(out, "notes.txt"), "");
  writeFileSync(join(out, "ws-1", "copy.json"), "");
  for (const file of [join(out, "notes.txt"), join(out, "ws-1", "copy.json")])
    assert.throws(() => idsOf(file, out), /is no record, directory/);
  assert.throws(() => idsOf("1.7", out), /^Error: "1\.7" is no record, directory, baseline, run or release/);
});

test("a baseline names runs, and says so when they are gone", (t) => {
  const out = results(t);
  saveBaseline(out, "spring", ["sse-1", "ws-1"]);
  assert.deepEqual(baselineNames(out), ["spring"]);
  assert.deepEqual(idsOf("spring", out), ["sse-1", "ws-1"]);
  rmSync(join(out, "ws-1"), { recursive: true });
  assert.throws(() => idsOf("spring", out), /the baseline spring names ws-1, which is gone/);
  assert.throws(() => saveBaseline(out, "latest", []), /cannot name a baseline/);
  assert.throws(() => saveBaseline(out, "../x", []), /cannot name a baseline/);
});

test("sides with several kinds of runs are narrowed to the kind that they share", (t) => {
  const out = results(t);
  const found = readResults(out);
  const kinds = (...references: string[]) => references.map((reference) => runsOf(reference, out, found));
  const idsOfSides = (sides: ReturnType<typeof kinds>) => sides.map((runs) => runs.map(({ runId }) => runId));
  assert.deepEqual(idsOfSides(ofOneKind(kinds("1.0", "latest"), {})), [["ws-1"], ["ws-2"]]);
  assert.deepEqual(idsOfSides(ofOneKind(kinds("1.0", "1.1"), { transport: "sse" })), [["sse-1"], ["sse-2"]]);
  assert.deepEqual(idsOfSides(ofOneKind(kinds("sse-1", "ws-1"), {})), [["sse-1"], ["ws-1"]]);
  assert.throws(
    () => ofOneKind(kinds("1.0", "1.1"), {}),
    /suite over SSE, profile smoke; suite over WebSocket, profile smoke: choose with --transport/,
  );
});
