import assert from "node:assert/strict";
import { test } from "node:test";
import { type Figure, growthPercent, judge, type Limit, rise, settled } from "./figures.ts";
import { figureTable } from "./table.ts";

const figure = (ours: number[], peer: number[], limit?: Limit): Figure => ({
  what: "cost",
  over: "sse",
  unit: "µs",
  ours,
  peers: [{ name: "Go", values: peer }],
  ...(limit && { limit }),
});

test("a figure is judged by the median of its rounds, or by each of them", () => {
  assert.equal(judge(figure([1, 9, 3], [], { atMost: 4 })), "met");
  assert.equal(judge(figure([1, 9, 3], [], { atMost: 4, inEachRound: true })), "missed");
  assert.equal(judge(figure([5, 4.1, 3], [], { atMost: 4 })), "missed");
});

test("a ratio is taken round by round, so that a slow round of both is none of ours", () => {
  assert.equal(judge(figure([2, 40, 2], [1, 20, 1], { timesPeer: 2, inEachRound: true })), "met");
  assert.equal(judge(figure([2, 40, 2], [1, 1, 1], { timesPeer: 2 })), "met");
  assert.equal(judge(figure([2, 40, 2], [1, 1, 1], { timesPeer: 2, inEachRound: true })), "missed");
  assert.equal(judge(figure([3, 3, 3], [1, 1, 1], { timesPeer: 2 })), "missed");
});

test("what cannot be told is not met: no peer, or a peer that should be seen to miss and does not", () => {
  assert.equal(judge(figure([1], [], { timesPeer: 2 })), "missed");
  assert.equal(judge(figure([Number.NaN], [], { atMost: 2 })), "missed");
  assert.equal(judge(figure([1], [1], { atMost: 2, peerAbove: true })), "missed");
  assert.equal(judge(figure([1], [3], { atMost: 2, peerAbove: true })), "met");
  assert.equal(judge(figure([], [3], { atMost: 2 })), "not measured");
  assert.equal(judge(figure([1], [3])), "shown");
});

const MIB = 1_048_576;
/** A process of 150 MiB whose garbage makes its memory go up and down, and that keeps so much more each second. */
const memory = (keepsMiB: number, seconds = 60) =>
  Array.from({ length: seconds }, (_, i) => (150 + ((i * 7) % 11) + keepsMiB * i) * MIB);

test("memory that grows is flagged, and memory that goes up and down is not", () => {
  assert.equal(growthPercent(memory(0)), 0);
  assert.ok(growthPercent(memory(0.3)) > 5, "18 MiB in a minute");
  assert.ok(growthPercent(memory(0.02)) < 5, "1.2 MiB in a minute is noise");
  assert.equal(growthPercent(memory(-0.3)), 0);
  assert.ok(Number.isNaN(growthPercent([1, 2])), "two samples tell nothing");
});

test("a process has settled in the last third of its samples, and rises from its first quarter to its last", () => {
  assert.equal(settled([1, 50, 9, 5, 5, 5]), 5);
  assert.equal(rise([1, 1, 2, 3, 4, 5, 6, 6]), 5);
});

test("the table shows medians with their range, the limit, and how many times the peer's it is", () => {
  const table = figureTable([
    figure([4, 6, 5], [2.5, 2, 3], { timesPeer: 2 }),
    { ...figure([160], [200], { atMost: 250 }), note: "a note" },
  ]);
  assert.match(
    table,
    /✓ {2}cost +sse {3}5\.00 \(4\.00 to 6\.00\) µs +≤ 2 × +Go 2\.50 \(2\.00 to 3\.00\) \(× 1\.67\)/,
  );
  assert.match(table, /✓ {2}cost +sse {3}160 µs +≤ 250 µs +Go 200 \(× 0\.80\) +a note/);
});
