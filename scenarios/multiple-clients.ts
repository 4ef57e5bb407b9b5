import type { Deadlines } from "../client/stream.ts";
import { loadTest, type Shape } from "../run/loadtest.ts";
import { withAudience } from "./audience.ts";
import type { Stub } from "./plans.ts";

interface Numbers extends Shape {
  clients: number;
  stub: Stub;
  deadlines: Deadlines;
}

const baseline: Numbers = {
  users: 5,
  clients: 5,
  slotSeconds: 75,
  stub: { lines: 600, rate: 20 },
  deadlines: { firstMessageMs: 10_000, silenceMs: 15_000, lifeMs: 50_000 },
};

/** Several clients on one plan: every client receives every message due, in order, once. */
export const multipleClients = loadTest<Numbers>({
  name: "multiple-clients",
  title: "Several clients on one plan",
  plan: ["2.1"],
  group: "multiple_clients",
  targets: [
    "connection-success",
    "message-delivery",
    "message-latency",
    "clean-outcomes",
    "server-errors",
    "responsiveness",
  ],
  profiles: {
    smoke: {
      users: 3,
      clients: 5,
      slotSeconds: 9,
      stub: { lines: 80, rate: 40 },
      deadlines: { firstMessageMs: 2_500, silenceMs: 2_500, lifeMs: 6_000 },
    },
    baseline,
    stress: { ...baseline, users: 25, clients: 20 },
    endurance: {
      ...baseline,
      slotSeconds: 330,
      stub: { lines: 6_000, rate: 20 },
      deadlines: { ...baseline.deadlines, lifeMs: 305_000 },
    },
  },
  run(context) {
    const { clients, deadlines, stub } = context.numbers;
    const names = Array.from({ length: clients }, (_, i) => `client ${i + 1}`);
    return withAudience(
      context,
      stub,
      clients,
      { deadlines, acceptable: ["completed", "closed"] },
      async (audience) => {
        await audience.join(names);
      },
    );
  },
});
