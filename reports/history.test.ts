import assert from "node:assert/strict";
import { test } from "node:test";
import type { Judged, Verdict } from "../record/record.ts";
import { historyView, indexView, type RunSummary, verdictOf } from "./history.ts";
import { renderHistory, renderIndex } from "./history-html.ts";

const judged = (id: string, verdict: Verdict, value: number | null): Judged => ({
  id,
  verdict,
  value,
  unit: "ms",
  target: "< 100 ms",
  observations: 1,
  interval: null,
  reason: "",
});

const run = (release: string, value: number | null, different: Partial<RunSummary> = {}): RunSummary => ({
  runId: `run-${release}-${value}`,
  folder: `run-${release}-${value}`,
  test: "suite",
  release,
  transport: "ws",
  profile: "smoke",
  state: "complete",
  startedAt: "2026-11-22T08:00:00.000Z",
  simulated: false,
  targets: [judged("message-latency", value === null ? "no data" : value < 100 ? "met" : "missed", value)],
  ...different,
});

test("the verdict of a run is its worst target's; one that was broken off has no data", () => {
  assert.equal(verdictOf(run("1", 5)), "met");
  assert.equal(verdictOf(run("1", 500)), "missed");
  assert.equal(verdictOf(run("1", 5, { state: "interrupted" })), "no data");
  assert.equal(verdictOf(run("1", 500, { state: "failed" })), "missed");
  assert.equal(verdictOf(run("1", 5, { state: "running", targets: [] })), "no data");
});

test("every run is a dot, and a line goes through the medians of the releases", () => {
  const runs = [run("1.0", 10), run("1.0", 30), run("1.0", 20), run("1.1", 120), run("1.2", null)];
  const [latency] = historyView(runs, [], "").targets;
  const [view] = latency?.charts ?? [];
  assert.equal(view?.series.flatMap(({ dots }) => dots).length, 4);
  assert.deepEqual(
    view?.x.ticks.map(({ label }) => label),
    ["1.0", "1.1", "1.2"],
  );
  const [from, to] = [...(view?.series[0]?.path ?? "").matchAll(/[ML]([\d.]+),([\d.]+)/g)];
  assert.equal(Number(from?.[2]), view?.series[1]?.dots[2]?.y, "20 ms is the median");
  assert.equal(Number(to?.[1]), view?.x.ticks[1]?.at);
  assert.deepEqual(
    latency?.rows.map(({ release, cells }) => [release, cells[0]?.text, cells[0]?.verdict]),
    [
      ["1.0", "20 ms (median of 3 runs)", "✓ met"],
      ["1.1", "120 ms (1 run)", "✗ missed"],
      ["1.2", "– (1 run)", "? no data"],
    ],
  );
});

test("transports, profiles and simulated servers are told apart", () => {
  const runs = [
    run("1", 1),
    run("1", 2, { transport: "sse" }),
    run("1", 3, { profile: "baseline", simulated: true }),
  ];
  assert.deepEqual(historyView(runs, [], "").targets[0]?.head, [
    "WebSocket, smoke, real",
    "SSE, smoke, real",
    "WebSocket, baseline, simulated",
  ]);
});

test("what cannot be read is listed, beside all that can", () => {
  const unreadable = [{ name: "<b>broken</b>", reason: "it is not JSON" }];
  const html = renderHistory(historyView([run("1", 5)], unreadable, ""));
  assert.match(html, /&lt;b&gt;broken&lt;\/b&gt;: it is not JSON/);
  assert.match(html, /run-1-5\/report\.html/);
});

test("a run that has written no report is listed without one", () => {
  const html = renderIndex(indexView([run("1", 5, { state: "running", targets: [] })], [], []));
  assert.match(html, /<td>run-1-5<\/td>/);
  assert.doesNotMatch(html, /report\.html/);
});

test("the index has every report", () => {
  const candidate = {
    name: "1.1",
    against: "1.0",
    changes: [{ id: "message-latency", word: "worse" as const }],
    calls: { lost: [] },
  };
  const comparisons = [{ name: "c-1", comparison: { candidates: [candidate] } }];
  const html = renderIndex(indexView([run("1", 5)], comparisons, []));
  assert.match(html, /href="c-1\/report\.html"/);
  assert.match(html, /1\.1 against 1\.0: 1 worse \(Message latency, p95\)/);
  assert.match(html, /href="run-1-5\/report\.html"/);
});
