import { defineRun } from "../run/run.ts";
import { multipleClients } from "../scenarios/multiple-clients.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("multiple-clients", [
  multipleClients,
]);
