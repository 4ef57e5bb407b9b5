import { defineRun } from "../run/run.ts";
import { planScaling } from "../scenarios/plan-scaling.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("plan-scaling", [
  planScaling,
]);
