import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRecord, type RunRecord } from "./record.ts";
import { sampleRecord } from "./testing.ts";

test("a record is read back as it was written", () => {
  const record = sampleRecord();
  assert.deepEqual(parseRecord(JSON.stringify(record), "run.json"), record);
});

test("what is no record is refused in one sentence that names the place", () => {
  const cases: [string, RegExp][] = [
    ["", /run.json is not a record of a run: it is not JSON, or only a part of it/],
    [JSON.stringify(sampleRecord()).slice(0, 200), /only a part of it/],
    ["7", /not a record of a run: it: /],
    [JSON.stringify({ ...sampleRecord(), schema: 99 }), /: schema: /],
    [
      JSON.stringify({ ...sampleRecord(), transport: "carrier pigeon" } as unknown as RunRecord),
      /: transport: /,
    ],
    [JSON.stringify({ ...sampleRecord(), startedAt: "yesterday" }), /: startedAt: it is no time/],
    [
      JSON.stringify({ ...sampleRecord(), startedAt: "+012026-01-01T00:00:00Z" }),
      /: startedAt: it is no time/,
    ],
    [
      JSON.stringify({ ...sampleRecord(), stalls: { seen: 1, kept: [{ test: "x", at: 1e16 }] } }),
      /: stalls\.kept\.0\.at: it is no time/,
    ],
    [
      JSON.stringify({ ...sampleRecord(), windows: { x: { widthMs: 1_000, items: [{ at: -1 }] } } }),
      /: windows\.x\.items\.0\.at: it is no time/,
    ],
    [JSON.stringify({ ...sampleRecord(), targets: [{ id: "x" }] }), /: targets\.0\./],
    [JSON.stringify({ ...sampleRecord(), runId: "../elsewhere" }), /: runId: it is no id of a run/],
    [
      JSON.stringify({ ...sampleRecord(), histograms: { latency: { x: 1 } } }),
      /: histograms\.latency\.x: it is no bucket/,
    ],
    [JSON.stringify({ ...sampleRecord(), histograms: { latency: { 5: -1 } } }), /\.5: it is no count/],
    [
      JSON.stringify({ ...sampleRecord(), streams: { seen: 1e20, kept: [] } }),
      /: streams\.seen: it is no count/,
    ],
    [
      JSON.stringify({ ...sampleRecord(), windows: { a: { widthMs: 0, items: [] } } }),
      /widthMs: it is no width/,
    ],
    [
      JSON.stringify(sampleRecord()).replace('"steps":[]', '"steps":[{"test":"x","plans":1e999}]'),
      /steps\.0\.plans: it is no number/,
    ],
  ];
  for (const [text, message] of cases) assert.throws(() => parseRecord(text, "run.json"), { message });
});
