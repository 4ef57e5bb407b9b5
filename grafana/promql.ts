import {
  bucketSeries,
  type CounterName,
  counterSeries,
  type DistributionName,
  type GaugeName,
  gaugeSeries,
  OUTCOMES_SERIES,
  WHOLE_RUN_LABEL,
} from "../run/series.ts";

/**
 * Queries. `where` is a list of PromQL label conditions. Each run has series of its own (label testid), so the last
 * value of a counter is the run's total, to the unit; increase() would extrapolate. Over several instances totals are
 * added up.
 */

/** Conditions: the run that a dashboard's variable chose, and series that are of no single test. */
export const CHOSEN_RUN = 'testid="$testid"';
export const WHOLE_RUN = `test="${WHOLE_RUN_LABEL}"`;
/** Conditions: all runs that the variables of a dashboard admit. */
export const ADMITTED_RUNS = 'release=~"$release",transport=~"$transport",profile=~"$profile"';

/** The last value within the time range that is shown: also of a run that has ended, whose series are stale. */
export const last = (series: string, where: string): string =>
  `last_over_time(${series}{${where}}[$__range])`;

/** What a counter came to, added up by the labels `by`. */
export const total = (counter: CounterName, where = CHOSEN_RUN, by = ""): string =>
  sum(last(counterSeries(counter), where), by);

/** A counter per second, within a window that moves along. */
export const perSecond = (series: string, where = CHOSEN_RUN, by = ""): string =>
  sum(`rate(${series}{${where}}[$__rate_interval])`, by);

/** What a counter has come to by now, over all tests. */
export const now = (counter: CounterName): string => `sum(${counterSeries(counter)}{${CHOSEN_RUN}})`;

/** How many streams have ended by now: the counter streams_ended has the checks in it that are judged with them. */
export const streamsEnded = `sum(${counterSeries(OUTCOMES_SERIES)}{${CHOSEN_RUN}})`;

/** A share of counters per second, e.g. of usable streams in attempts to connect. */
export const share = (part: CounterName, whole: CounterName, where = CHOSEN_RUN, by = ""): string =>
  `${perSecond(counterSeries(part), where, by)} / ${perSecond(counterSeries(whole), where, by)}`;

/** The share of messages due that came, once and in order: delivered as the target has it. */
export const deliveryShare = (where = CHOSEN_RUN, by = ""): string => {
  const rate = (counter: CounterName): string => perSecond(counterSeries(counter), where, by);
  return `(${rate("messages_delivered")} - ${rate("messages_duplicated")} - ${rate("messages_reordered")}) / ${rate("messages_due")}`;
};

/** Bucket by bucket, for a heatmap; per second, since windows overlap: increase() would count a message in each of them. */
export const bucketRate = (name: DistributionName): string =>
  `sum by (le) (rate(${counterSeries(bucketSeries(name))}{${CHOSEN_RUN}}[$__rate_interval]))`;

/** The quantile of durations, in seconds, within a window that moves along. */
export const quantile = (q: number, name: DistributionName, where = CHOSEN_RUN, by = ""): string =>
  `histogram_quantile(${q}, sum by (${by ? `le, ${by}` : "le"}) (rate(${counterSeries(bucketSeries(name))}{${where}}[$__rate_interval])))`;

/** The quantile over the whole run, in seconds. */
export const runQuantile = (q: number, name: DistributionName, where = CHOSEN_RUN): string =>
  `histogram_quantile(${q}, sum by (le) (${last(counterSeries(bucketSeries(name)), where)}))`;

/** A gauge as it stands: the largest of the tests and instances that send it, by the labels `by`. */
export const gauge = (name: GaugeName, where = CHOSEN_RUN, by = ""): string =>
  largest(`${gaugeSeries(name)}{${where}}`, by);

/** The last value of a gauge, by label: the largest of the instances that sent it. */
export const lastGauge = (name: GaugeName, where: string, by: string): string =>
  largest(last(gaugeSeries(name), where), by);

/** The newest `runs` of each `by` among those of which `judged` has series. `ended` are the times at which runs ended. */
export const newestRuns = (ended: string, judged: string, runs: number, by: string): string =>
  `topk by (${by}) (${runs}, ${ended} and on (testid) ${judged})`;

/** Of an expression's series those of these runs. */
export const ofRuns = (expression: string, runs: string): string => `${expression} and on (testid) ${runs}`;

/** The largest of each `by`. */
export const largest = (expression: string, by: string): string => aggregated("max", expression, by);

const sum = (expression: string, by: string): string => aggregated("sum", expression, by);

function aggregated(operator: string, expression: string, by: string): string {
  return by === "" ? `${operator}(${expression})` : `${operator} by (${by}) (${expression})`;
}
