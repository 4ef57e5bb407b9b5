import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../record/record.ts";
import { stallsOf } from "./stalls.ts";

const stall = { test: "t", at: 10_000, durationMs: 5_000, status: 0, probes: 3, waiting: 0, silent: null };
const stream = (openedAt: number, endedAt: number, test = "t") => ({ test, openedAt, endedAt });
const windows = (messages: number) => ({
  t: { widthMs: 1_000, items: [{ at: 12_000, counts: { messages }, latency: {} }] },
});

function snapshot(messages: number): Snapshot {
  return {
    lists: {
      stalls: { seen: 1, kept: [stall] },
      slowRequests: {
        seen: 3,
        kept: [
          { test: "t", at: 9_500, durationMs: 4_000 },
          { test: "t", at: 20_000, durationMs: 2_000 },
          { test: "other", at: 11_000, durationMs: 2_000 },
        ],
      },
    },
    streams: {
      seen: 4,
      open: [],
      kept: [stream(9_000, 16_000), stream(9_000, 9_500), stream(11_000, 16_000), stream(1, 99_000, "other")],
    },
    windows: windows(messages),
  } as unknown as Snapshot;
}

test("a stall names the requests that waited with it and the streams that heard nothing", () => {
  assert.deepEqual(stallsOf(snapshot(0)).kept, [{ ...stall, waiting: 1, silent: 1 }]);
});

test("where somebody heard something, or a stall is shorter than what is counted, nothing is said of streams", () => {
  assert.equal(stallsOf(snapshot(4)).kept[0]?.silent, null);
  const short = snapshot(0);
  short.lists.stalls.kept = [{ ...stall, durationMs: 1_500 }];
  assert.equal(stallsOf(short).kept[0]?.silent, null);
});
