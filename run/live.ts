import * as v from "valibot";
import { recorder } from "../client/extension.ts";
import { OUTCOMES, type Tally, tallySchema } from "../record/record.ts";
import { count, countOutcome, countWithin, setGauge } from "./metrics.ts";
import { COUNTERS, type CounterName, countsWithin, DISTRIBUTIONS, type DistributionName } from "./series.ts";
import { OUTCOME_PREFIX, timingKey } from "./tallies.ts";

const NOTHING: Tally = { counts: {}, latency: {} };
const COUNTER_NAMES = Object.keys(COUNTERS) as CounterName[];
const DISTRIBUTION_NAMES = Object.keys(DISTRIBUTIONS) as DistributionName[];

/**
 * The first sendings of a test are zeros: a series that is born with another value loses it to Prometheus's increase(),
 * and what is sent within one push (K6_PROMETHEUS_RW_PUSH_INTERVAL, 1 s) arrives as one sample.
 */
const SENDINGS_OF_ZERO = 2;

/** Sends the counters of a test, once a second: what the recorder gathered from all of its virtual users. */
export class Live {
  private sendings = 0;

  constructor(private readonly test: string) {}

  send(): void {
    this.sendings++;
    setGauge("test_running", 1, { test: this.test });
    sendCounters(this.test, this.sendings <= SENDINGS_OF_ZERO ? () => NOTHING : take);
  }
}

/** Sends what is left of a test's counters, and that it no longer runs. */
export function endLive(test: string): void {
  sendCounters(test, take);
  setGauge("test_running", 0, { test });
}

const take = (key: string): Tally => v.parse(tallySchema, JSON.parse(recorder.take(key)));

function sendCounters(test: string, taken: (key: string) => Tally): void {
  const { counts, latency } = taken(test);
  for (const name of COUNTER_NAMES) count(name, test, counts[COUNTERS[name]] ?? 0);
  for (const outcome of OUTCOMES) countOutcome(outcome, test, counts[`${OUTCOME_PREFIX}${outcome}`] ?? 0);
  for (const name of DISTRIBUTION_NAMES) {
    const timing = DISTRIBUTIONS[name];
    const histogram = timing === "latency" ? latency : taken(timingKey(test, timing)).latency;
    for (const [le, n] of countsWithin(histogram)) countWithin(name, le, test, n);
  }
}
