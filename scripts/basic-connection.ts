import { defineRun } from "../run/run.ts";
import { basicConnection } from "../scenarios/basic-connection.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("basic-connection", [
  basicConnection,
]);
