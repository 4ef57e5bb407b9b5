import { defineRun } from "../run/run.ts";
import { LOAD_TESTS } from "../scenarios/index.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("suite", LOAD_TESTS);
