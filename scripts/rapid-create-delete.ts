import { defineRun } from "../run/run.ts";
import { rapidCreateDelete } from "../scenarios/rapid-create-delete.ts";

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("rapid-create-delete", [
  rapidCreateDelete,
]);
