import { bucketStart, mergeInto, quantile, type SparseHistogram, size } from "../record/histogram.ts";
import type { RunRecord, ServerSample, StepReport, TestRecord } from "../record/record.ts";
import { target } from "../thresholds/targets.ts";
import { type ChartView, chart, type Point } from "./charts.ts";
import { decimal, duration, milliseconds } from "./format.ts";

/** Longer rows are joined, so that a report of hours stays small. */
const MOST_POINTS = 240;
const MEBI = 2 ** 20;

const drawn = (charts: readonly (ChartView | undefined)[]): ChartView[] =>
  charts.filter((one) => one !== undefined);

/** The charts of a test: the distribution of latency, its course, messages a second, steps. */
export function testCharts(test: TestRecord, record: RunRecord): ChartView[] {
  return drawn([
    latencyChart(test.tally.latency),
    ...courseCharts(test, record),
    stepsChart(record.steps.filter((step) => step.test === test.name)),
  ]);
}

/** Of the buckets, this many are drawn as one bar: four bars to each doubling. */
const BUCKETS_A_BAR = 8;

/** How many messages had which latency. */
function latencyChart(latency: SparseHistogram): ChartView | undefined {
  const counts = new Map<number, number>();
  for (const [bucket, count] of Object.entries(latency)) {
    const bar = Math.floor(Number(bucket) / BUCKETS_A_BAR);
    counts.set(bar, (counts.get(bar) ?? 0) + count);
  }
  if (counts.size === 0) return undefined;
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())];
  // The lowest bucket begins at 0, where a logarithmic axis does not.
  const start = (bar: number) => bucketStart(Math.max(1, bar * BUCKETS_A_BAR));
  const bars = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const points = bars.map((bar): Point => [start(bar), counts.get(bar) ?? 0]);
  const end = start(last + 1);
  const [p50, p95] = [quantile(latency, 0.5), quantile(latency, 0.95)];
  return chart({
    title: "Latency of messages",
    description: `${size(latency)} messages: half within ${milliseconds(p50)}, 95 % within ${milliseconds(p95)}`,
    x: { label: "milliseconds", kind: "log", include: [end] },
    y: { label: "messages", include: [0] },
    series: [{ name: "messages", shape: "bars", points: [...points, [end, null]] }],
    marks: [
      { x: p50 ?? end, label: "p50", anchor: "end" },
      { x: p95 ?? end, label: "p95" },
    ],
  });
}

/** Minutes in a long test, seconds in a short one. */
function clockOf(lengthMs: number): { unitMs: number; label: string } {
  return lengthMs > 180_000 ? { unitMs: 60_000, label: "minutes" } : { unitMs: 1_000, label: "seconds" };
}

interface Moment {
  at: number;
  messages: number;
  latency: SparseHistogram;
}

/** Messages a second and their latency, in the course of a test. */
function courseCharts({ name }: TestRecord, { windows, stalls }: RunRecord): (ChartView | undefined)[] {
  const { widthMs, moments } = course(windows[name]);
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined || moments.length < 2) return [];
  const { unitMs, label } = clockOf(last.at - first.at);
  const since = (at: number) => (at - first.at) / unitMs;
  const x = { label: `${label} since the test began`, include: [since(last.at + widthMs)] };
  const marks = stalls.kept
    .filter(({ test, at }) => test === name && at >= first.at)
    .map(({ at }) => ({ x: since(at), label: "stall" }));
  const latencies = moments.map(({ at, latency }): Point => [since(at), quantile(latency, 0.95) ?? null]);
  const rates = moments.map(({ at, messages }): Point => [since(at), (messages * 1_000) / widthMs]);
  const { limit } = target("message-latency");
  const greatest = (points: readonly Point[]) => points.reduce((most, [, y]) => Math.max(most, y ?? 0), 0);
  const worst = greatest(latencies);
  return [
    chart({
      title: "Messages received in a second",
      description: `${decimal(greatest(rates))} messages a second at most, over ${duration(last.at - first.at)}`,
      x,
      y: { label: "messages/s", include: [0] },
      series: [
        { name: "messages", shape: "steps", points: [...rates, [x.include[0] ?? 0, rates.at(-1)?.[1] ?? 0]] },
      ],
      marks,
    }),
    chart({
      title: "Latency in the course of the test, p95",
      description: `${milliseconds(worst)} at most, over ${duration(last.at - first.at)}`,
      x,
      y: { label: "milliseconds", include: [0] },
      series: [{ name: "p95", shape: "line", points: latencies }],
      // A limit far above all that was seen would press it to the ground.
      limit: worst > limit / 4 ? { value: limit, label: `target ${limit} ms` } : undefined,
      marks,
    }),
  ];
}

/** The windows of a test, those without a message included, joined where they are many. */
function course(series: RunRecord["windows"][string] | undefined): { widthMs: number; moments: Moment[] } {
  const items = series?.items ?? [];
  const [first, last] = [items[0], items.at(-1)];
  if (series === undefined || first === undefined || last === undefined)
    return { widthMs: 1_000, moments: [] };
  const windows = (last.at - first.at) / series.widthMs + 1;
  const widthMs = series.widthMs * Math.ceil(windows / MOST_POINTS);
  const length = Math.floor((last.at - first.at) / widthMs) + 1;
  const moments = Array.from(
    { length },
    (_, i): Moment => ({ at: first.at + i * widthMs, messages: 0, latency: {} }),
  );
  for (const { at, counts, latency } of items) {
    const moment = moments[Math.floor((at - first.at) / widthMs)];
    if (moment === undefined) continue;
    moment.messages += counts.messages ?? 0;
    mergeInto(moment.latency, latency);
  }
  return { widthMs, moments };
}

/** Completion time against plans, with what linear growth from the first step would be. */
function stepsChart(steps: readonly StepReport[]): ChartView | undefined {
  const ordered = steps.toSorted((a, b) => a.plans - b.plans);
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (first === undefined || last === undefined || ordered.length < 2) return undefined;
  const seconds = ({ completionMs }: StepReport) => completionMs / 1_000;
  return chart({
    title: "Completion time against plans at once",
    description: `from ${milliseconds(first.completionMs)} with ${first.plans} to ${milliseconds(last.completionMs)} with ${last.plans} plans`,
    x: { label: "plans at once", kind: "log" },
    y: { label: "seconds", kind: "log" },
    series: [
      { name: "measured", shape: "line", points: ordered.map((step): Point => [step.plans, seconds(step)]) },
      {
        name: "were it linear",
        shape: "line",
        points: ordered.map(({ plans }): Point => [plans, (seconds(first) * plans) / first.plans]),
      },
    ],
  });
}

/** The server's process over the run: memory, processor time, threads, open files. */
export function serverCharts({ samples }: RunRecord): ChartView[] {
  const kept = thinned(samples.kept.toSorted((a, b) => a.at - b.at));
  const [first, last] = [kept[0], kept.at(-1)];
  if (first === undefined || last === undefined || kept.length < 2) return [];
  const { unitMs, label } = clockOf(last.at - first.at);
  const since = (at: number) => (at - first.at) / unitMs;
  const marks = phasesOf(kept).map(({ at, phase }) => ({ x: since(at), label: phase }));
  const over = (title: string, unit: string, read: (sample: ServerSample, i: number) => number | null) => {
    const values = kept.map(read);
    const ends = values.filter((value) => value !== null);
    return chart({
      title,
      description: `from ${decimal(ends[0], 1)} to ${decimal(ends.at(-1), 1)} ${unit}, over ${duration(last.at - first.at)}`,
      x: { label: `${label} since the first sample` },
      y: { label: unit, include: [0] },
      series: [
        {
          name: title,
          shape: "line",
          points: kept.map(({ at }, i): Point => [since(at), values[i] ?? null]),
        },
      ],
      marks,
    });
  };
  return drawn([
    over("Memory of the server", "MiB", ({ residentBytes }) =>
      residentBytes === null ? null : residentBytes / MEBI,
    ),
    over("Processor time of the server", "% of one processor", (sample, i) => busyShare(kept[i - 1], sample)),
    over("Threads of the server", "threads", ({ threads }) => threads),
    over("Open files of the server", "files", ({ openFiles }) => openFiles),
  ]);
}

function busyShare(before: ServerSample | undefined, { at, cpuSeconds }: ServerSample): number | null {
  if (before === undefined || before.cpuSeconds === null || cpuSeconds === null || at <= before.at)
    return null;
  return ((cpuSeconds - before.cpuSeconds) * 100_000) / (at - before.at);
}

/** Where the phases of an endurance test begin; a run without phases has no marks. */
function phasesOf(samples: readonly ServerSample[]): ServerSample[] {
  const starts = samples.filter(({ phase }, i) => phase !== samples[i - 1]?.phase);
  return starts.length > 1 ? starts : [];
}

/** Every so manieth sample, and the last. */
function thinned(samples: readonly ServerSample[]): ServerSample[] {
  const step = Math.ceil(samples.length / MOST_POINTS);
  return samples.filter((_, i) => i % step === 0 || i === samples.length - 1);
}
