import { defineRun } from "../../run/run.ts";
import { longDeadlines } from "../../scenarios/common.ts";
import { multipleClients } from "../../scenarios/multiple-clients.ts";

const users = Number(__ENV.MANY_USERS);
const clients = Number(__ENV.MANY_CLIENTS);
const seconds = Number(__ENV.MANY_SECONDS);

/** multiple-clients with as many streams as it is told, each of which receives a message a second. */
const numbers = {
  users,
  clients,
  userSeconds: seconds + 60,
  stub: { lines: seconds, rate: 1 },
  deadlines: longDeadlines((seconds + 45) * 1_000),
};
const { profiles } = multipleClients;

export const { options, setup, virtualUser, teardown, handleSummary } = defineRun("many-streams", [
  { ...multipleClients, profiles: { ...profiles, smoke: numbers, stress: numbers } },
]);
