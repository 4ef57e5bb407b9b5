import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { jobOf, lineOf, stagesDone, startPipeline } from "./pipeline.ts";

const DEFAULTS = { lines: 60, rate: 20, exit: 0 };

const DIRECTIVES: readonly (readonly [prompt: string, job: object])[] = [
  ["A bakery", {}],
  ["A bakery [stub lines=200 rate=50 exit=1] in town", { lines: 200, rate: 50, exit: 1 }],
  ["[stub exit=3]", { exit: 3 }],
  ["[stub rate=2.5 lines=7]", { rate: 2.5, lines: 7 }],
  ["[stub  lines=0 ]", { lines: 0 }],
  ["[stub lines=2.9]", { lines: 2 }],
  ["[stub lines=99999999 rate=1000000 exit=999]", { lines: 1_000_000, rate: 20_000, exit: 255 }],
  ["[stub rate=0]", { rate: 0.01 }],
  ["[stub]", {}],
  ["[stub lines=-1]", {}],
  ["[stub lines=5 colour=red]", {}],
  ["[stub lines=5", {}],
];

for (const [prompt, job] of DIRECTIVES) {
  test(`directive: ${prompt}`, () => {
    assert.deepEqual(jobOf(prompt, DEFAULTS), { ...DEFAULTS, ...job });
  });
}

test("log lines are unlike each other, always the same, and of a real line's length", () => {
  const job = { lines: 100_000, rate: 1000, exit: 0 };
  const lines = Array.from({ length: job.lines }, (_, number) => lineOf(job, number));
  assert.equal(new Set(lines).size, job.lines);
  assert.equal(lineOf(job, 4321), lines[4321]);
  assert.ok(lines.every(({ length }) => length >= 120 && length <= 200));
});

test("a pipeline that fails leaves some stages undone", () => {
  assert.equal(stagesDone({ lines: 10, rate: 1, exit: 0 }, 5), 6);
  assert.equal(stagesDone({ lines: 10, rate: 1, exit: 0 }, 10), 12);
  assert.equal(stagesDone({ lines: 10, rate: 1, exit: 1 }, 10), 7);
  assert.equal(stagesDone({ lines: 0, rate: 1, exit: 0 }, 0), 12);
});

test("a pipeline writes its lines at its rate and exits with its code", async () => {
  const begun = performance.now();
  let lines = 0;
  const code = await new Promise((resolve) => {
    startPipeline(
      { lines: 2000, rate: 4000, exit: 7 },
      { started: () => {}, line: () => lines++, exited: resolve },
    );
  });
  assert.deepEqual([code, lines], [7, 2000]);
  assert.ok(performance.now() - begun >= 540);
});

const SOUND = { diesAfterMs: Number.POSITIVE_INFINITY, slowness: () => 1 };

test("plan-death: a process that dies writes no more lines and does not exit", async () => {
  let lines = 0;
  const exited = () => assert.fail("it exited");
  const listener = { started: () => {}, line: () => lines++, exited };
  startPipeline({ lines: 1000, rate: 1000, exit: 0 }, listener, { ...SOUND, diesAfterMs: 200 });
  await sleep(350);
  const written = lines;
  await sleep(50);
  assert.equal(lines, written);
  assert.ok(lines > 0 && lines < 300, `${lines} lines`);
});

test("slowdown: a pipeline is as slow as it is told, and notices when it no longer is", async () => {
  const timed = async (slowness: () => number) => {
    const begun = performance.now();
    await new Promise((exited) => {
      const listener = { started: () => {}, line: () => {}, exited };
      startPipeline({ lines: 4, rate: 20, exit: 0 }, listener, { ...SOUND, slowness });
    });
    return performance.now() - begun;
  };
  const begun = performance.now();
  const [slow, relieved] = await Promise.all([
    timed(() => 3),
    timed(() => (performance.now() - begun < 150 ? 1000 : 1)),
  ]);
  assert.ok(slow >= 645, `${slow} ms`);
  assert.ok(relieved >= 345 && relieved < 2000, `${relieved} ms`);
});
