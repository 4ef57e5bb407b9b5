import { Counter, Gauge, Rate } from "k6/metrics";
import type { Outcome } from "../record/record.ts";
import { OBSERVED_METRIC } from "../thresholds/k6.ts";
import { TARGETS, type Target, type TargetId } from "../thresholds/targets.ts";
import {
  bucketSeries,
  COUNTERS,
  type CounterName,
  DISTRIBUTIONS,
  type DistributionName,
  GAUGES,
  type GaugeName,
  OUTCOMES_SERIES,
} from "./series.ts";

const KINDS = { rate: Rate, counter: Counter, gauge: Gauge, shortfall: Gauge };

/** The k6 metric of each target, named by the table in thresholds/. */
const ofTarget = new Map(
  TARGETS.map((row: Target) => [row.id, new KINDS[row.form.kind](row.form.metric)] as const),
);

/** Sends a sample of a target's metric: a Rate takes 0 or 1, a Gauge the value. */
export function sample(id: TargetId, value: number, tags: Record<string, string> = {}): void {
  ofTarget.get(id)?.add(value, tags);
}

/** 1 where a target was judged, 0 where there was no data; tags `target` and `test`. */
export const targetObserved = new Gauge(OBSERVED_METRIC);

/** A k6 metric for each key of a table in run/series.ts. */
function metrics<Name extends string, Metric>(table: Record<Name, unknown>, make: (name: Name) => Metric) {
  const names = Object.keys(table) as Name[];
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Metric>;
}

const counters = metrics<CounterName, Counter>(COUNTERS, (name) => new Counter(name));
const buckets = metrics<DistributionName, Counter>(DISTRIBUTIONS, (name) => new Counter(bucketSeries(name)));
const outcomes = new Counter(OUTCOMES_SERIES);

const gauges = metrics<GaugeName, Gauge>(GAUGES, (name) => new Gauge(name));

/**
 * k6 would add the scenario that sends: a test's probe, or none in teardown. A series has the same labels from whomever
 * it comes.
 */
const labels = <Tags extends { test: string }>(tags: Tags) => ({ scenario: tags.test, ...tags });

/** Adds to a counter of a test. */
export function count(name: CounterName, test: string, n: number): void {
  counters[name].add(n, labels({ test }));
}

/** Adds streams of a test that ended with this outcome. */
export function countOutcome(outcome: Outcome, test: string, n: number): void {
  outcomes.add(n, labels({ test, outcome }));
}

/** Adds durations of a test within the bound that `le` names. */
export function countWithin(name: DistributionName, le: string, test: string, n: number): void {
  buckets[name].add(n, labels({ test, le }));
}

/** Sets a gauge. Its tags are `test` and those that its row names. */
export function setGauge<Name extends GaugeName>(
  name: Name,
  value: number,
  tags: Record<"test" | (typeof GAUGES)[Name][number], string>,
): void {
  gauges[name].add(value, labels(tags));
}
