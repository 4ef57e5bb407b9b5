import assert from "node:assert/strict";
import { test } from "node:test";
import type { Judged, RunRecord } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { compareRuns, exitCode } from "./comparison.ts";
import { columns, comparisonTable, runTable } from "./terminal.ts";
import { runView } from "./view.ts";

const judged = (id: string, verdict: Judged["verdict"], value: number | null): Judged => ({
  id,
  verdict,
  value,
  unit: "%",
  target: "100 %",
  observations: 3,
  interval: null,
  reason: "a reason",
});

function pair(): [RunRecord, RunRecord] {
  const sse = sampleRecord({
    targets: [judged("connection-success", "missed", 0.5), judged("fallback-report", "no data", null)],
    tests: [sampleTest({ calls: [{ call: "GET /api/plans", answers: { "200": 2 }, working: true }] })],
  });
  const ws = sampleRecord({
    transport: "ws",
    target: { ...sse.target, behaviour: "healthy" },
    targets: [judged("connection-success", "met", 1)],
    tests: [sampleTest({ calls: [{ call: "GET /api/plans", answers: { "404": 2 }, working: false }] })],
  });
  return [sse, ws];
}

test("a comparison has a row a target, and says where a side did not measure", () => {
  const view = compareRuns(pair(), ["a.html", "b.html"]);
  assert.deepEqual(
    view.overall.map(({ title, cells }) => [title, ...cells.map(({ verdict }) => verdict)]),
    [
      ["Connection success rate", "missed", "met"],
      ["Report delivered although the stream broke off", "no data", "not measured"],
    ],
  );
});

test("calls that one side has and the other has not are listed", () => {
  assert.deepEqual(compareRuns(pair(), []).calls, [
    { call: "GET /api/plans", cells: ["✓ working", "✗ not working"] },
  ]);
});

test("the candidate decides the exit code, the baseline does not", () => {
  const [sse, ws] = pair();
  assert.equal(exitCode([sse, ws]), 0);
  assert.equal(exitCode([ws, sse]), 99);
  assert.equal(exitCode([ws, { ...ws, targets: [judged("connection-success", "no data", null)] }]), 99);
  assert.equal(exitCode([ws, { ...ws, targets: [judged("connection-success", "at the edge", 1)] }]), 0);
});

test("a simulated server is named wherever results are shown", () => {
  const [sse, ws] = pair();
  assert.match(
    comparisonTable(compareRuns([sse, ws], [])),
    /SIMULATED SERVER: SSE sse-2025-09; WebSocket healthy/,
  );
  assert.match(runTable(sse), /SIMULATED SERVER \(sse-2025-09\)/);
  assert.equal(runView(sse).banner, "SIMULATED SERVER (sse-2025-09)");
  const real = { ...ws, target: { ...ws.target, simulated: false } };
  assert.doesNotMatch(runTable(real), /SIMULATED/);
});

test("the sentence of a run counts what failed, and says when it was broken off", () => {
  const [sse, ws] = pair();
  assert.match(
    runView(sse).sentence,
    /2 of 2 targets not met: connection-success \(missed\), fallback-report \(no data\)/,
  );
  assert.match(runView(ws).sentence, /no target missed \(1 met\)/);
  assert.match(runView({ ...ws, state: "interrupted" }).sentence, /\(run interrupted\)/);
  assert.equal(runView({ ...ws, state: "interrupted" }).passed, false);
});

test("columns are aligned, and the last one is left as it is", () => {
  assert.equal(
    columns([
      ["a", "b", "c"],
      ["long", "b", "also long"],
    ]),
    "  a     b  c\n  long  b  also long",
  );
});
