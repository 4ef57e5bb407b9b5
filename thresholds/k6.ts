import type { Judged } from "../record/record.ts";
import { fails } from "./judge.ts";
import { meets, type Target, type TargetId, target } from "./targets.ts";

/** The metric whose Gauge says of each target whether there was something to judge it by: 1, or 0 for "no data". */
export const OBSERVED_METRIC = "target_observed";

/**
 * The k6 thresholds of a run: for each test and each target that it judges, the target itself, and beside it a floor
 * against silence (a k6 threshold passes where nothing was measured).
 */
export function k6Thresholds(
  tests: readonly { name: string; targets: readonly TargetId[] }[],
): Record<string, string[]> {
  const thresholds: Record<string, string[]> = {};
  for (const { name, targets } of tests) {
    for (const row of targets.map(target)) {
      thresholds[`${row.form.metric}{test:${name}}`] = [expression(row)];
      thresholds[`${OBSERVED_METRIC}{target:${row.id},test:${name}}`] = ["value>0"];
    }
  }
  return thresholds;
}

function expression({ form, comparison, limit }: Target): string {
  if (form.kind === "shortfall") return "value<=0";
  const aggregation = { rate: "rate", counter: "count", gauge: "value" }[form.kind];
  return `${aggregation}${comparison}${limit}`;
}

/**
 * What the Gauge of a target is set to in teardown: the measured value, or what lacks to the target; the better end of
 * the interval where the verdict is "at the edge", which does not fail a run. Undefined where nothing was measured.
 */
export function gaugeValue(row: Target, judged: Judged): number | undefined {
  if (judged.value === null || judged.verdict === "not measured") return undefined;
  const better = judged.interval?.find((end) => meets(row, end));
  const value = !fails(judged) && better !== undefined ? better : judged.value;
  if (row.form.kind !== "shortfall") return value;
  return meets(row, value) ? 0 : Math.max(row.limit - value, Number.EPSILON);
}
