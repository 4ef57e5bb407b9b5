import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChartSpec, chart } from "./charts.ts";

const spec = (different: Partial<ChartSpec>): ChartSpec => ({
  title: "Something",
  description: "some points",
  x: { label: "seconds" },
  y: { label: "ms", include: [0] },
  series: [],
  ...different,
});

const line = (points: (readonly [number, number | null])[], name = "a") =>
  ({ name, shape: "line", points }) as const;

/** The value at a place, as a reader would find it between the ticks. */
function read(ticks: readonly { at: number; label: string }[], at: number): number {
  const [a, b] = [ticks[0] ?? assert.fail(), ticks.at(-1) ?? assert.fail()];
  return Number(a.label) + ((at - a.at) / (b.at - a.at)) * (Number(b.label) - Number(a.label));
}

test("the points of a line are where the axes say", () => {
  const points = [
    [0, 3],
    [10, 97],
    [25, 50],
  ] as const;
  const view = chart(spec({ series: [line([...points])] })) ?? assert.fail();
  const places = [...(view.series[0]?.path ?? "").matchAll(/[ML]([\d.]+),([\d.]+)/g)];
  assert.equal(places.length, points.length);
  places.forEach(([, x, y], i) => {
    assert.ok(Math.abs(read(view.x.ticks, Number(x)) - (points[i]?.[0] ?? 0)) < 0.05);
    assert.ok(Math.abs(read(view.y.ticks, Number(y)) - (points[i]?.[1] ?? 0)) < 0.1);
  });
});

test("a line is broken where there is nothing", () => {
  const view = chart(
    spec({
      series: [
        line([
          [0, 1],
          [1, null],
          [2, 1],
          [3, 1],
        ]),
      ],
    }),
  );
  assert.equal(view?.series[0]?.path.match(/M/g)?.length, 2);
});

test("a logarithmic axis has a tick a power of ten", () => {
  const view = chart(
    spec({
      x: { label: "ms", kind: "log" },
      series: [
        line([
          [0.3, 1],
          [40, 2],
        ]),
      ],
    }),
  );
  assert.deepEqual(
    view?.x.ticks.map(({ label }) => label),
    ["0.1", "1", "10"],
  );
});

test("bars stand on the ground, from each point to the next", () => {
  const points = [
    [1, 5],
    [2, 0],
    [3, 7],
    [4, null],
  ] as const;
  const path = chart(spec({ series: [{ name: "a", shape: "bars", points }] }))?.series[0]?.path ?? "";
  assert.equal(path.match(/Z/g)?.length, 2);
});

test("series differ by more than colour, and are named where they are several", () => {
  const view = chart(spec({ series: [line([[0, 1]], "a"), line([[0, 2]], "b")] }));
  assert.deepEqual(view?.legend, [
    { name: "a", style: "series-1" },
    { name: "b", style: "series-2" },
  ]);
  assert.deepEqual(chart(spec({ series: [line([[0, 1]])] }))?.legend, []);
});

test("there is no chart of nothing", () => {
  assert.equal(chart(spec({ series: [line([])] })), undefined);
  assert.equal(chart(spec({ series: [line([[1, null]])] })), undefined);
});

test("labels of marks that would run into each other are left out, the marks stay", () => {
  const marks = [0, 1, 50].map((x) => ({ x, label: "a phase" }));
  const view = chart(
    spec({
      series: [
        line([
          [0, 1],
          [100, 1],
        ]),
      ],
      marks,
    }),
  );
  assert.deepEqual(
    view?.marks.map(({ label }) => label),
    ["a phase", "", "a phase"],
  );
});

test("an axis of names leaves out those for which there is no room, never the last", () => {
  const names = Array.from({ length: 40 }, (_, i) => `2025.${i}`);
  const points = names.map((_, i) => [i, i] as const);
  const labels = chart(
    spec({ x: { label: "release", kind: "names", names }, series: [line(points)] }),
  )?.x.ticks.map(({ label }) => label);
  assert.ok((labels?.length ?? 99) < 10);
  assert.equal(labels?.at(-1), "2025.39");
});
