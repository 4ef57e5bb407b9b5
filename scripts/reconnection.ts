import { defineRun } from "../run/run.ts";
import { reconnection } from "../scenarios/reconnection.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("reconnection", [
  reconnection,
]);
