import { defineRun } from "../run/run.ts";
import { cleanupRace } from "../scenarios/cleanup-race.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("cleanup-race", [
  cleanupRace,
]);
