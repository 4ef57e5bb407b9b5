import assert from "node:assert/strict";
import { test } from "node:test";
import type { Judged, RunRecord } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { madeUpRecord } from "../thresholds/testing.ts";
import { compareRuns, isWorse, type SideOfRuns } from "./comparison.ts";
import { renderComparison } from "./comparison-html.ts";
import { comparisonView } from "./comparison-view.ts";
import { comparisonJUnit } from "./junit.ts";
import { comparisonMarkdown } from "./markdown.ts";
import { comparisonTable } from "./terminal.ts";

const side = (label: string, ...records: RunRecord[]): SideOfRuns => ({
  label,
  records,
  reports: records.map(({ runId }) => `../${runId}/report.html`),
  calibration: null,
});

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

function pair(): [SideOfRuns, SideOfRuns] {
  const sse = sampleRecord({
    targets: [judged("connection-success", "missed", 0.5), judged("fallback-report", "no data", null)],
    tests: [sampleTest({ calls: [{ call: "GET /api/plans", answers: { "200": 2 }, working: true }] })],
  });
  const ws = sampleRecord({
    transport: "ws",
    target: { ...sse.target, behaviour: "healthy" },
    targets: [judged("connection-success", "met", 1)],
    tests: [
      sampleTest({
        calls: [
          { call: "GET /api/plans", answers: { "404": 2 }, working: false },
          { call: "GET /api/plans/{id}/fallback-report", answers: { "200": 1 }, working: true },
        ],
      }),
    ],
  });
  return [side("a", sse), side("b", ws)];
}

const viewOf = (...sides: SideOfRuns[]) => comparisonView(compareRuns(sides), sides);

test("a comparison has a row a target, and says where a side did not measure", () => {
  assert.deepEqual(
    viewOf(...pair()).rows.map(({ title, first, others }) => [title, first.verdict, others[0]?.cell.verdict]),
    [
      ["Connection success rate", "missed", "met"],
      ["Report delivered although the stream broke off", "no data", "not measured"],
    ],
  );
});

test("sides are called by what they differ in; where that is nothing, by what the user called them", () => {
  const [sse, ws] = pair();
  const names = (...sides: SideOfRuns[]) => compareRuns(sides).sides.map(({ name }) => name);
  assert.deepEqual(names(sse, ws), ["SSE", "WebSocket"]);
  assert.deepEqual(names(side("x", sampleRecord()), side("y", sampleRecord({ release: "2" }))), ["dev", "2"]);
  assert.deepEqual(names(side("previous", sampleRecord()), side("latest", sampleRecord())), [
    "previous",
    "latest",
  ]);
});

test("a call that one side lost is a loss; one that a side never made is none", () => {
  const comparison = compareRuns(pair());
  const [candidate] = comparison.candidates;
  assert.deepEqual(candidate?.calls, { lost: ["GET /api/plans"], new: [] });
  assert.ok(candidate !== undefined && isWorse(candidate));
  const [sse, ws] = pair();
  assert.deepEqual(compareRuns([ws, sse]).candidates[0]?.calls, { lost: [], new: ["GET /api/plans"] });
});

test("a call that got no answer, or an error, on one side is neither lost nor new: only 404, 405 and 410 say that", () => {
  const having = (answers: Record<string, number>) =>
    side(
      "a",
      sampleRecord({ tests: [sampleTest({ calls: [{ call: "GET /x", answers, working: false }] })] }),
    );
  const changes = (before: Record<string, number>, after: Record<string, number>) =>
    compareRuns([having(before), having(after)]).candidates[0]?.calls;
  for (const untold of [{ "0": 3 }, { "500": 1 }, { "404": 2, "0": 1 }, { malformed: 1 }] as Record<
    string,
    number
  >[]) {
    assert.deepEqual(changes({ "200": 1 }, untold), { lost: [], new: [] }, JSON.stringify(untold));
    assert.deepEqual(changes(untold, { "200": 1 }), { lost: [], new: [] }, JSON.stringify(untold));
  }
  for (const status of ["404", "405", "410"]) {
    assert.deepEqual(changes({ "200": 1 }, { [status]: 1 }), { lost: ["GET /x"], new: [] });
    assert.deepEqual(changes({ [status]: 1 }, { "200": 1, "0": 1 }), { lost: [], new: ["GET /x"] });
  }
});

test("what makes the sides less alike is told", () => {
  const other = sampleRecord({ profile: "baseline", state: "interrupted", tests: [sampleTest()] });
  assert.deepEqual(
    compareRuns([side("a", sampleRecord()), side("b", other)]).notes.map((note) => note.split(":")[0]),
    [
      "The profiles differ, and with them the load",
      "The tests differ; only those that both sides ran are compared",
      `Run ${other.runId} did not come to its end (interrupted).`,
    ],
  );
});

test("a simulated server is named wherever results are shown", () => {
  const view = viewOf(...pair());
  assert.equal(view.banner, "SIMULATED SERVER: SSE sse-2025-09; WebSocket healthy");
  for (const text of [comparisonTable(view), renderComparison(view)])
    assert.match(text, /SIMULATED SERVER: SSE sse-2025-09; WebSocket healthy/);
});

const worse = (): [SideOfRuns, SideOfRuns] => [
  side("old", madeUpRecord({ seed: 1, release: "1.0" })),
  side("new", madeUpRecord({ seed: 2, release: "1.1", lostShare: 0.7 })),
];

test("the first sentence says what got worse and what is the same", () => {
  const [sentence] = viewOf(...worse()).sentences;
  assert.match(
    sentence?.text ?? "",
    /^1\.1 against 1\.0: 1 worse \(Message delivery rate\), nothing better, 5 the same/,
  );
  assert.equal(sentence?.style, "failed");
});

test("what a server calls itself cannot drive the terminal", () => {
  const [sse, ws] = pair();
  const records = ws.records.map((one) => ({
    ...one,
    target: { ...one.target, behaviour: "\u001b[2Jhealthy\u202e" },
  }));
  const text = comparisonTable(viewOf(sse, { ...ws, records }));
  for (const character of ["\u001b", "\u202e"]) assert.ok(!text.includes(character));
  assert.ok(text.includes("WebSocket \\u001b[2Jhealthy\\u202e"));
});

test("in the terminal a difference stands beside the two values that it is of", () => {
  assert.match(comparisonTable(viewOf(...worse())), /▼ worse −[\d.]+ points \(100 % → [\d.]+ %\)/);
});

test("wherever a comparison is shown it says that a value is one test's, and a change that of all", () => {
  const view = viewOf(...worse());
  for (const show of [comparisonTable, comparisonMarkdown, renderComparison])
    assert.match(show(view), /are those of its worst test. What changed is measured over all tests/);
});

test("Markdown has a table, and nothing from outside is markup", () => {
  const sides = worse();
  const evil = madeUpRecord({ seed: 3, release: "<b>|@all[x](y)`" });
  const text = comparisonMarkdown(viewOf(sides[0], side("evil", evil)));
  assert.doesNotMatch(text, /<b>|@all|\[x\]/);
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  assert.ok(rows.length > 3);
  assert.deepEqual([...new Set(rows.map((row) => row.split("|").length))], [7]);
});

test("JUnit has a case a target: what got worse fails, what cannot be told is skipped", () => {
  const text = comparisonJUnit(compareRuns(worse()));
  assert.match(text, /<testsuite name="1\.1 against 1\.0" tests="6" failures="1"/);
  assert.match(text, /<testcase[^>]*name="Message delivery rate"><failure message="worse: plans short/);
});

test("three sides are each held against the first", () => {
  const [old, young] = worse();
  const comparison = compareRuns([old, young, side("x", madeUpRecord({ seed: 4, release: "1.2" }))]);
  assert.deepEqual(
    comparison.candidates.map(({ name, against }) => [name, against]),
    [
      ["1.1", "1.0"],
      ["1.2", "1.0"],
    ],
  );
});

test("what the instrument adds stands beside each side, a dash where it was not calibrated", () => {
  const [old, young] = worse();
  const view = viewOf({ ...old, calibration: { p50: 0.4, p95: 1.71 } }, young);
  assert.deepEqual(
    view.instrument.map(({ calibration }) => calibration),
    [
      ["0.40 ms", "1.71 ms"],
      ["–", "–"],
    ],
  );
});
