import type { Options } from "k6/options";
import { setTimeout } from "k6/timers";
import { sleep } from "../../client/time.ts";
import type { Opened } from "./account.ts";
import { stopAccounting } from "./account.ts";
import { settings } from "./settings.ts";
import { WAYS } from "./ways.ts";

export { handleSummary } from "./outcome.ts";

const OPENING_AT_ONCE = 100;
const OPENING_PAUSE_MS = 20;

export const options: Options = {
  scenarios: {
    bench: {
      executor: "per-vu-iterations",
      vus: settings.users,
      iterations: 1,
      maxDuration: `${settings.limitSeconds}s`,
      gracefulStop: "0s",
    },
  },
  noConnectionReuse: true,
  systemTags: ["status", "method", "name", "scenario", "error_code", "expected_response", "check"],
  summaryTrendStats: ["min", "med", "p(95)", "p(99)", "max", "count"],
};

/** Opens this user's streams in the way that is measured, and closes them after HOLD seconds where that is set. */
export default async function streams(): Promise<void> {
  const open = WAYS[settings.way];
  if (open === undefined)
    throw new Error(`WAY is "${settings.way}": there are ${Object.keys(WAYS).join(", ")}`);
  const opened: Opened[] = [];
  for (let i = 0; i < settings.streams; i++) {
    opened.push(open(settings.plan));
    if (i % OPENING_AT_ONCE === OPENING_AT_ONCE - 1) await sleep(OPENING_PAUSE_MS);
  }
  if (settings.holdSeconds > 0) {
    setTimeout(() => {
      for (const stream of opened) stream.close();
    }, settings.holdSeconds * 1_000);
  }
  await Promise.all(opened.map(({ ended }) => ended));
  stopAccounting();
}
