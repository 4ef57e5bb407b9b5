import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./figures.ts";
import { type Part, type Round, rateFigures } from "./rate.ts";

const part = (p99Ms: number, more: Partial<Part> = {}): Part => ({
  received: 100,
  lost: 0,
  lateSeconds: 0.01,
  p50Ms: 0.2,
  p95Ms: p99Ms / 2,
  p99Ms,
  ...more,
});

const FIGURES = ["p99", "lost", "late", "overload not said"];

/** The verdicts by figure, and what is said of the rounds. */
function judged(rounds: Round[]) {
  const figures = rateFigures("50 × 1000/s", "sse", rounds, true);
  const verdicts = FIGURES.map((name) => {
    const figure = figures.find(({ what }) => what.endsWith(`: ${name}`));
    assert.ok(figure, name);
    return judge(figure);
  });
  return { verdicts, note: figures[0]?.note };
}

test("every round in which Go kept up must be within three times Go's p99, and all are told", () => {
  assert.deepEqual(judged([{ ours: part(2.6), go: part(1.9) }]), {
    verdicts: ["met", "met", "met", "met"],
    note: "Go kept up in 1 of 1 rounds: 1.4 × (2.6 to 1.9 ms)",
  });
  assert.deepEqual(
    judged([
      { ours: part(2.6), go: part(1.9) },
      { ours: part(9), go: part(2) },
    ]).verdicts,
    ["missed", "met", "met", "met"],
  );
});

test("a round in which Go did not keep up is told and not judged, and a run of such rounds is not measured", () => {
  const busy = { ours: part(90), go: part(150) };
  assert.deepEqual(judged([{ ours: part(2), go: part(1) }, busy]), {
    verdicts: ["met", "met", "met", "met"],
    note: "Go kept up in 1 of 2 rounds: 2.0 × (2.0 to 1.0 ms), 0.6 × (90.0 to 150.0 ms) Go did not keep up",
  });
  assert.equal(judged([busy]).verdicts[0], "not measured");
  assert.match(judged([{ ours: part(2), go: part(1, { lost: 1 }) }]).note ?? "", /Go did not keep up$/);
});

test("a run that did not keep up must say that the generator is overloaded, whether Go kept up or not", () => {
  const late = { lost: 3, lateSeconds: 4 };
  const silent = judged([{ ours: part(5, late), go: part(2) }]);
  assert.deepEqual(silent.verdicts, ["met", "missed", "missed", "missed"]);
  assert.match(silent.note ?? "", /k6 did not keep up$/);
  const said = judged([{ ours: part(5, { ...late, lagP95Ms: 40 }), go: part(2) }]);
  assert.deepEqual(said.verdicts, ["met", "missed", "missed", "met"]);
  assert.match(said.note ?? "", /k6 did not keep up generator overloaded$/);
  assert.equal(judged([{ ours: part(5, late), go: part(150) }]).verdicts[3], "missed");
});
