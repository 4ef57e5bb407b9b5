import { defineRun } from "../run/run.ts";
import { throughput } from "../scenarios/throughput.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("throughput", [throughput]);
