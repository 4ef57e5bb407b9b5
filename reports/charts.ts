import { nice, ticks } from "d3-array";

/** The size of a chart in its own units. It is drawn as wide as its place: about as many pixels on a telephone. */
const WIDTH = 360;
const HEIGHT = 200;
const PLOT = { left: 46, right: WIDTH - 16, top: 28, bottom: HEIGHT - 34 };

export interface AxisSpec {
  label: string;
  kind?: "linear" | "log" | "names";
  /** Of an axis of names: 0 is the place of the first. */
  names?: readonly string[];
  /** What must be seen, beside the points. */
  include?: readonly number[];
}

/** A point of a series; y is null where there is nothing, and a line is broken. */
export type Point = readonly [x: number, y: number | null];

export interface SeriesSpec {
  name: string;
  points: readonly Point[];
  /** Dots alone, a line, a line that keeps its height until the next point, or bars from each point to the next. */
  shape: "dots" | "line" | "steps" | "bars";
  /** Series of one style belong together; by default each has its own. */
  style?: number;
}

export interface MarkSpec {
  x: number;
  label: string;
  /** "end" puts the label left of the mark; by default it is where there is room. */
  anchor?: "end";
}

export interface ChartSpec {
  title: string;
  /** What is seen, for those who do not see it. */
  description: string;
  x: AxisSpec;
  y: AxisSpec;
  series: readonly SeriesSpec[];
  /** A target, as a line across. */
  limit?: { value: number; label: string } | undefined;
  /** Moments of note, as lines upright. */
  marks?: readonly MarkSpec[];
}

export interface Tick {
  at: number;
  label: string;
}

/** A chart as it is drawn: all in the chart's own units. */
export interface ChartView {
  title: string;
  description: string;
  width: number;
  height: number;
  plot: typeof PLOT;
  x: { label: string; ticks: Tick[] };
  y: { label: string; ticks: Tick[] };
  series: {
    name: string;
    path: string;
    dots: { x: number; y: number }[];
    isFilled: boolean;
    style: string;
  }[];
  /** The names of the series, where there are several. */
  legend: { name: string; style: string }[];
  limit: Tick | null;
  marks: Mark[];
}

export interface Mark extends Tick {
  /** Where the label is, and which end of it. */
  labelAt: number;
  anchor: "start" | "end";
}

/** Lays a chart out; undefined where there is nothing to draw. */
export function chart(spec: ChartSpec): ChartView | undefined {
  const points = spec.series.flatMap((series) => series.points);
  const drawn = points.filter((point): point is readonly [number, number] => point[1] !== null);
  if (drawn.length === 0) return undefined;
  const x = axis(
    spec.x,
    drawn.map(([value]) => value),
    PLOT.left,
    PLOT.right,
  );
  const heights = [...drawn.map(([, value]) => value), ...(spec.limit ? [spec.limit.value] : [])];
  const y = axis(spec.y, heights, PLOT.bottom, PLOT.top);
  return {
    title: spec.title,
    description: spec.description,
    width: WIDTH,
    height: HEIGHT,
    plot: PLOT,
    x: { label: spec.x.label, ticks: x.ticks },
    y: { label: spec.y.label, ticks: y.ticks },
    series: spec.series.map((series, i) => ({
      name: series.name,
      path: pathOf(series, x.at, y.at),
      dots: series.shape === "dots" ? dotsOf(series, x.at, y.at) : [],
      isFilled: series.shape === "bars",
      style: styleOf(series.style ?? i),
    })),
    legend: legendOf(spec.series),
    limit: spec.limit === undefined ? null : { at: y.at(spec.limit.value), label: spec.limit.label },
    marks: apart((spec.marks ?? []).map(({ x: value, ...mark }) => ({ at: x.at(value), ...mark }))),
  };
}

function legendOf(series: readonly SeriesSpec[]): ChartView["legend"] {
  const names = new Map(series.map(({ name, style }, i) => [name, styleOf(style ?? i)]));
  return names.size > 1 ? [...names].map(([name, style]) => ({ name, style })) : [];
}

const STYLES = 4;
/** Series differ by their dashes, not by colour alone. */
const styleOf = (index: number): string => `series-${(index % STYLES) + 1}`;

const round = (value: number): number => Math.round(value * 10) / 10;

interface Axis {
  at: (value: number) => number;
  ticks: Tick[];
}

function axis(spec: AxisSpec, values: readonly number[], from: number, to: number): Axis {
  const seen = [...values, ...(spec.include ?? [])];
  const [low, high] = [seen.reduce((a, b) => Math.min(a, b)), seen.reduce((a, b) => Math.max(a, b))];
  const scaled = scaleOf(spec, low, high);
  const at = (value: number) => round(from + (to - from) * scaled.share(value));
  const labelOf = (value: number) => spec.names?.[value] ?? String(Number(value.toPrecision(6)));
  return { at, ticks: scaled.ticks.map((value) => ({ at: at(value), label: labelOf(value) })) };
}

/** Maps values to shares of an axis, and says which values it names. */
interface Scale {
  share: (value: number) => number;
  ticks: number[];
}

function scaleOf({ kind, names = [] }: AxisSpec, low: number, high: number): Scale {
  if (kind === "log") return logarithmic(low, high);
  return kind === "names" ? ofNames(names) : linear(low, high);
}

/** As many names as there is room for, the last one among them. */
function ofNames(names: readonly string[]): Scale {
  const longest = names.reduce((most, { length }) => Math.max(most, length), 1);
  const room = (PLOT.right - PLOT.left) / ((longest + 1) * LETTER);
  const step = Math.max(1, Math.ceil(names.length / room));
  return {
    share: (value) => (value + 0.5) / names.length,
    ticks: names.map((_, i) => i).filter((i) => (names.length - 1 - i) % step === 0),
  };
}

function linear(low: number, high: number): Scale {
  const [start, stop] = nice(low, high === low ? low + 1 : high, 4);
  return { share: (value: number) => (value - start) / (stop - start), ticks: ticks(start, stop, 4) };
}

/** From a power of ten; named are those powers, and where they are few, twice and five times those. */
function logarithmic(low: number, high: number): Scale {
  const start = Math.floor(Math.log10(low));
  const stop = Math.max(start + 1, Math.log10(high));
  const multiples = stop - start > 2 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: Math.floor(stop) - start + 1 }, (_, i) => 10 ** (start + i));
  return {
    share: (value: number) => (Math.log10(value) - start) / (stop - start),
    ticks: powers
      .flatMap((power) => multiples.map((multiple) => multiple * power))
      .filter((value) => Math.log10(value) <= stop),
  };
}

type Place = (value: number) => number;

function pathOf({ shape, points }: SeriesSpec, x: Place, y: Place): string {
  if (shape === "dots") return "";
  if (shape === "bars") return bars(points, x, y);
  let isDown = false;
  let path = "";
  for (const [px, py] of points) {
    if (py !== null) path += segment(isDown, shape, x(px), y(py));
    isDown = py !== null;
  }
  return path;
}

function segment(isDown: boolean, shape: "line" | "steps", px: number, py: number): string {
  // The stroke of no length makes a dot of a point that stands alone.
  if (!isDown) return `M${px},${py}h0`;
  return shape === "steps" ? `H${px}V${py}` : `L${px},${py}`;
}

/** A bar from each point to the next; the last point is only an end. */
function bars(points: readonly Point[], x: Place, y: Place): string {
  return points
    .slice(0, -1)
    .map(([px, py], i) => {
      const next = points[i + 1]?.[0] ?? px;
      return py === null || py === 0 ? "" : `M${x(px)},${PLOT.bottom}V${y(py)}H${x(next)}V${PLOT.bottom}Z`;
    })
    .join("");
}

const dotsOf = ({ points }: SeriesSpec, x: Place, y: Place) =>
  points.flatMap(([px, py]) => (py === null ? [] : [{ x: x(px), y: y(py) }]));

/** About how wide a letter is. */
const LETTER = 6;

/** Marks with their labels, as far as there is room: a label that would run into the one before is left out. */
function apart(marks: readonly (Tick & Pick<MarkSpec, "anchor">)[]): Mark[] {
  let taken = Number.NEGATIVE_INFINITY;
  return marks.map(({ at, label, anchor: wanted }) => {
    const width = (label.length + 1) * LETTER;
    const anchor = wanted ?? (at + width > WIDTH ? "end" : "start");
    const [from, to] = anchor === "start" ? [at, at + width] : [at - width, at];
    const labelAt = round(anchor === "start" ? at + LETTER / 2 : at - LETTER / 2);
    if (from < taken) return { at, label: "", labelAt, anchor };
    taken = to;
    return { at, label, labelAt, anchor };
  });
}
