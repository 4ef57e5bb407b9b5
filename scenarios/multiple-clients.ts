import type { Deadlines } from "../client/stream.ts";
import { loadTest, type Shape } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import { longDeadlines, named, STREAM_TARGETS, shortDeadlines, WATCHED } from "./common.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  clients: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 5,
  atOnce: 1,
  clients: 5,
  userSeconds: 75,
  stub: { lines: 600, rate: 20 },
  deadlines: longDeadlines(50_000),
};

/** Several clients on one plan: every client receives every message due, in order, once. */
export const multipleClients = loadTest<Numbers>({
  name: "multiple-clients",
  title: "Several clients on one plan",
  plan: ["2.1"],
  group: "multiple_clients",
  targets: STREAM_TARGETS,
  streamsEach: ({ clients }) => clients,
  profiles: {
    smoke: {
      users: 3,
      atOnce: 1,
      clients: 5,
      userSeconds: 10,
      stub: { lines: 60, rate: 40 },
      deadlines: shortDeadlines(5_500),
    },
    baseline,
    stress: { ...baseline, users: 25, atOnce: 25, clients: 20 },
    endurance: {
      ...baseline,
      userSeconds: 330,
      stub: { lines: 6_000, rate: 20 },
      deadlines: longDeadlines(305_000),
    },
  },
  run(context) {
    const { clients, deadlines, stub } = context.numbers;
    const names = named("client", clients);
    return withAudience(context, stub, { deadlines, acceptable: WATCHED }, async (audience) => {
      await audience.join(names);
    });
  },
});
