import { defineRun } from "../run/run.ts";
import { concurrentWorkers } from "../scenarios/concurrent-workers.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("concurrent-workers", [
  concurrentWorkers,
]);
