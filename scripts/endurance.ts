import { defineRun } from "../run/run.ts";
import { endurance } from "../scenarios/endurance.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("endurance", [endurance]);
