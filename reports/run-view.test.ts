import assert from "node:assert/strict";
import { test } from "node:test";
import { quantile, size } from "../record/histogram.ts";
import type { RunRecord, ServerSample } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { madeUpRecord } from "../thresholds/testing.ts";
import type { ChartView } from "./charts.ts";
import { renderRun } from "./html.ts";
import { runJUnit } from "./junit.ts";
import { tablesOf } from "./run-tables.ts";
import { runView } from "./run-view.ts";
import { targetRow } from "./view.ts";

const good = madeUpRecord({ seed: 1, transport: "ws" });
const bad = madeUpRecord({ seed: 2, lostShare: 0.7, refusedShare: 0.9 });

test("the sentence of a run counts what failed, and says when it was broken off", () => {
  assert.match(
    runView(bad).sentence,
    /^SSE, release dev: 3 of 6 targets not met: connection-success \(missed\), message-delivery \(missed\), clean-outcomes \(missed\)\.$/,
  );
  assert.match(runView(good).sentence, /^WebSocket, release dev: no target missed \(6 met\)/);
  assert.match(runView({ ...good, state: "interrupted" }).sentence, /\(run interrupted\)/);
  assert.equal(runView({ ...good, state: "interrupted" }).passed, false);
  assert.match(runView({ ...good, state: "failed" }).sentence, /not every virtual user came to its end/);
  assert.match(runView({ ...good, state: "running" }).sentence, /has not ended, or was broken off/);
});

test("a simulated server is named, a real one is not", () => {
  assert.equal(runView(good).banner, "SIMULATED SERVER (sse-2025-09)");
  assert.equal(runView({ ...good, target: { ...good.target, simulated: false } }).banner, "");
});

test("the margin is above zero on the good side of the limit", () => {
  const judged = {
    verdict: "met",
    unit: "",
    target: "",
    observations: 1,
    interval: null,
    reason: "",
  } as const;
  const marginOf = (id: string, value: number | null) => targetRow({ ...judged, id, value }).margin;
  assert.equal(marginOf("message-latency", 12.5), "+87.5 ms");
  assert.equal(marginOf("message-latency", 140), "−40 ms");
  assert.equal(marginOf("message-delivery", 0.9), "−10 points");
  assert.equal(marginOf("throughput", 1_200), "+200 msg/s");
  assert.equal(marginOf("throughput", null), "–");
});

test("a target that the table no longer has is shown by its id", () => {
  const judged = {
    id: "of-old",
    verdict: "met",
    value: 2,
    unit: "",
    target: "3",
    observations: 1,
    interval: null,
    reason: "",
  } as const;
  assert.equal(targetRow(judged).title, "of-old");
  assert.match(renderRun(sampleRecord({ targets: [judged] })), /of-old/);
});

const chartOf = (charts: readonly ChartView[], title: string) =>
  charts.find((one) => one.title === title) ?? assert.fail(`no chart ${title}`);

test("a merged record tells how exact its percentiles are", () => {
  const instances = [{ name: "1-of-1", state: "complete" as const, clock: null }];
  assert.doesNotMatch(renderRun(sampleRecord()), /Percentiles/);
  assert.match(renderRun(sampleRecord({ instances })), /Percentiles.*\n?.*to the 1\.1 %/);
  assert.match(
    renderRun(sampleRecord({ instances, bounds: [50, 100] })),
    /known to lie between two of 50, 100 ms/,
  );
});

test("the bars of the latency chart hold every message", () => {
  const { latency } = good.histograms;
  const view = chartOf(runView(good).tests[0]?.charts ?? [], "Latency of messages");
  const [low, high] = [view.y.ticks[0] ?? assert.fail(), view.y.ticks.at(-1) ?? assert.fail()];
  const perUnit = (Number(high.label) - Number(low.label)) / (low.at - high.at);
  const heights = [...(view.series[0]?.path ?? "").matchAll(/V([\d.]+)H/g)].map(
    ([, top]) => (view.plot.bottom - Number(top)) * perUnit,
  );
  const messages = heights.reduce((sum, height) => sum + height, 0);
  assert.ok(Math.abs(messages - size(latency)) < 0.02 * size(latency), `${messages} of ${size(latency)}`);
  assert.match(view.description, new RegExp(`95 % within ${quantile(latency, 0.95)?.toFixed(2)} ms`));
});

test("a second without a message is drawn as none", () => {
  const items = [0, 1_000, 5_000].map((at) => ({ at, counts: { messages: 100 }, latency: {} }));
  const record = sampleRecord({
    tests: [sampleTest()],
    windows: { "multiple-clients": { widthMs: 1_000, items } },
  });
  const view = chartOf(runView(record).tests[0]?.charts ?? [], "Messages received in a second");
  assert.equal(view.series[0]?.path.match(/H/g)?.length, 6);
  assert.ok(view.series[0]?.path.includes(`V${view.plot.bottom}`));
});

test("the server's process is drawn over time, the phases of an endurance test are marked", () => {
  const sample = (i: number): ServerSample => ({
    test: "endurance",
    at: i * 10_000,
    phase: i < 5 ? "warm-up" : "load",
    residentBytes: (50 + i) * 2 ** 20,
    cpuSeconds: i,
    threads: 10,
    openFiles: null,
    k6ResidentBytes: 1,
  });
  const kept = Array.from({ length: 20 }, (_, i) => sample(i));
  const { serverCharts } = runView(sampleRecord({ samples: { seen: 20, kept } }));
  assert.deepEqual(
    serverCharts.map(({ title }) => title),
    ["Memory of the server", "Processor time of the server", "Threads of the server"],
  );
  assert.equal(serverCharts[0]?.series[0]?.path.match(/L/g)?.length, 19);
  assert.deepEqual(
    serverCharts[0]?.marks.map(({ label }) => label),
    ["warm-up", "load"],
  );
  assert.match(serverCharts[0]?.description ?? "", /from 50\.0 to 69\.0 MiB/);
});

test("failed requests stand with their test, with the server's answer", () => {
  const request = {
    test: "multiple-clients",
    at: 0,
    call: "GET /x",
    status: 500,
    durationMs: 3,
    answer: "KeyError",
  };
  const record = sampleRecord({ tests: [sampleTest()], failedRequests: { seen: 1, kept: [request] } });
  assert.deepEqual(
    runView(record).tests[0]?.failedRequests.map(({ call, status, answer }) => [call, status, answer]),
    [["GET /x", "500", "KeyError"]],
  );
});

test("stalls of /health are counted in the step in which they were, where its time is known", () => {
  const step = {
    test: "plan-scaling",
    plans: 4,
    completed: 4,
    completionMs: 5,
    firstMessageMs: 1,
    unknown: 0,
    due: 1,
    delivered: 1,
  };
  const stall = {
    test: "plan-scaling",
    at: 1_000,
    durationMs: 2_000,
    status: 200,
    probes: 1,
    waiting: 0,
    silent: null,
  };
  const record = sampleRecord({
    steps: [
      { ...step, startedAt: 900, endedAt: 1_000 },
      { ...step, startedAt: 1_001, endedAt: 2_000 },
      { ...step, startedAt: null, endedAt: null },
    ],
    stalls: { seen: 1, kept: [stall] },
  });
  assert.deepEqual(
    tablesOf(record, "plan-scaling")[0]?.rows.map((row) => row.at(-1)),
    ["1", "0", "–"],
  );
});

const EVIL = `<script>alert(1)</script>"'&\u202e\u0000`;

test("nothing from outside becomes markup", () => {
  const stream = {
    test: "multiple-clients",
    client: EVIL,
    plan: EVIL,
    outcome: "dropped",
    acceptable: false,
  } as const;
  const record = sampleRecord({
    release: EVIL,
    findings: [EVIL],
    command: EVIL,
    configuration: { [EVIL]: EVIL },
    target: { baseUrl: EVIL, version: EVIL, simulated: true, behaviour: EVIL, process: EVIL },
    tests: [sampleTest({ findings: [EVIL], calls: [{ call: EVIL, answers: { "200": 1 }, working: true }] })],
    streams: {
      seen: 1,
      kept: [
        {
          ...stream,
          reason: EVIL,
          startedAt: 0,
          openedAt: null,
          endedAt: 1,
          firstMessageMs: null,
          p95Ms: null,
          counts: {},
        },
      ],
    },
    failedRequests: {
      seen: 1,
      kept: [{ test: "multiple-clients", at: 0, call: EVIL, status: 500, durationMs: 1, answer: EVIL }],
    },
  });
  const html = renderRun(record);
  assert.doesNotMatch(html, /<script/i);
  assert.ok(html.split("&lt;script&gt;").length > 10);
});

test("a text of a megabyte is cut, and the report says so", () => {
  const html = renderRun(sampleRecord({ findings: ["x".repeat(2 ** 20)] }));
  assert.match(html, /x… \(1046576 more characters in run\.json\)/);
  assert.ok(html.length < 50_000);
});

test("JUnit of a run: missed fails, no data is an error, not measured is skipped, broken off is an error", () => {
  const text = runJUnit({ ...bad, release: EVIL, state: "interrupted" });
  assert.match(text, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="[^"<]*&lt;script&gt;/);
  assert.match(text, /tests="7" failures="3" errors="1" skipped="0"/);
  assert.match(
    text,
    /<testcase classname="multiple-clients" name="Message delivery rate"><failure message="missed: /,
  );
  assert.match(text, /<error message="the run is interrupted"\/>/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML allows none of them
  assert.doesNotMatch(text, /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
});

/** A run of two hours with fifty plans, as large as the recorder's bounds let it become. */
function twoHours(): RunRecord {
  const many = 2_000;
  const latency = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [String(200 + i), 40]));
  const long = "the server said something long about what went wrong ".repeat(9);
  const endurance = {
    ...sampleTest({ name: "endurance" }),
    tally: { counts: {}, latency },
    findings: Array.from({ length: 100 }, (_, i) => `${i} ${long}`),
  };
  const stream = {
    test: "endurance",
    outcome: "dropped",
    acceptable: false,
    openedAt: 1,
    firstMessageMs: 5,
    p95Ms: 20,
  } as const;
  return sampleRecord({
    tests: [endurance],
    streams: {
      seen: 50_000,
      kept: Array.from({ length: many }, (_, i) => ({
        ...stream,
        plan: `plan ${i % 50}`,
        client: `client ${i}`,
        reason: long,
        startedAt: i,
        endedAt: i,
        counts: { due: 100, delivered: 90 },
      })),
    },
    plans: {
      seen: many,
      kept: Array.from({ length: many }, (_, i) => ({
        test: "endurance",
        plan: `plan ${i}`,
        counts: {},
        latency,
      })),
    },
    windows: {
      endurance: {
        widthMs: 4_000,
        items: Array.from({ length: 1_800 }, (_, i) => ({
          at: i * 4_000,
          counts: { messages: 1_000 },
          latency,
        })),
      },
    },
    failedRequests: {
      seen: many,
      kept: Array.from({ length: many }, (_, i) => ({
        test: "endurance",
        at: i,
        call: "GET /x",
        status: 500,
        durationMs: 1,
        answer: long,
      })),
    },
    samples: {
      seen: 720,
      kept: Array.from({ length: 720 }, (_, i) => ({
        test: "endurance",
        at: i * 10_000,
        phase: "load",
        residentBytes: 1e8 + i,
        cpuSeconds: i,
        threads: 9,
        openFiles: 20,
        k6ResidentBytes: 1e8,
      })),
    },
  });
}

test("the report of two hours with fifty plans is small, and made in a second", () => {
  const record = twoHours();
  const started = performance.now();
  const html = renderRun(record);
  assert.ok(html.length < 500_000, `${html.length} characters`);
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
});
