import type { Figure } from "./figures.ts";
import type { Measuring } from "./measuring.ts";
import { k6Client, type Load, measure, type Outcome, outcomeOf } from "./processes.ts";

/** Source and client have the same clock here: no message can come before it was stamped. */
export const resolution: Measuring = async ({ url }, over) => {
  const load: Load = { plan: "messages=1000&rate=500", users: 1, streams: 5 };
  const ours = outcomeOf(await measure(k6Client("resolution")(url, over, load)));
  const dateNow = outcomeOf(await measure(k6Client("parse")(url, over, load)));
  const figure = (what: string, unit: string, read: (outcome: Outcome) => number): Figure => ({
    what,
    over,
    unit,
    ours: [read(ours)],
    peers: [{ name: "Date.now()", values: [read(dateNow)] }],
  });
  return [
    {
      ...figure("times in whole ms", "%", ({ wholeMs = 0, compared = 0 }) => (wholeMs / compared) * 100),
      limit: { atMost: 1, peerAbove: true },
    },
    {
      ...figure("lowest latency below 0 by", "ms", ({ lowestMs = Number.NaN }) => Math.max(0, -lowestMs)),
      limit: { atMost: 0 },
    },
    figure("lowest latency", "ms", ({ lowestMs = Number.NaN }) => lowestMs),
  ];
};
