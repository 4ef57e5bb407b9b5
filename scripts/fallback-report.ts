import { defineRun } from "../run/run.ts";
import { fallbackReport } from "../scenarios/fallback-report.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("fallback-report", [
  fallbackReport,
]);
