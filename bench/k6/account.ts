import { accessTo } from "../../client/access.ts";
import { PlanApi } from "../../client/api.ts";
import { connector } from "../../client/wire.ts";
import { readConfig } from "../../run/config.ts";
import type { Shape, UserContext } from "../../run/loadtest.ts";
import { Meter } from "../../run/meter.ts";
import { Audience } from "../../scenarios/audience.ts";
import { WATCHED } from "../../scenarios/common.ts";
import { IDLE, settings, TIMEOUT_MS } from "./settings.ts";

/** A stream that is open or opens. */
export interface Opened {
  close(): void;
  /** For a stream that needs more than its socket's end. */
  ended?: Promise<void>;
}

/** The name under which the streams' figures are gathered. */
export const TEST = "bench";

const LIFE_MS = 60 * 60_000;
const deadlines = { firstMessageMs: LIFE_MS, silenceMs: LIFE_MS, lifeMs: LIFE_MS };

let context: UserContext<Shape> | undefined;

/** What the virtual user of a load test has at hand. */
function makeContext({ baseUrl, transport, users, limitSeconds }: typeof settings): UserContext<Shape> {
  const meter = new Meter(TEST);
  const access = accessTo(baseUrl, {});
  meter.takeLag();
  return {
    config: readConfig({ BASE_URL: baseUrl, TRANSPORT: transport }, []),
    numbers: { users, userSeconds: limitSeconds },
    api: new PlanApi(access, TIMEOUT_MS, meter.answer),
    connect: connector(transport, access, TIMEOUT_MS, "xk6"),
    meter,
    model: "",
    mark: "",
    user: 0,
    clockOffsetMs: 0,
    directory: "",
    source: null,
    hasFallback: true,
    beganAt: 0,
    endsAt: Number.POSITIVE_INFINITY,
  };
}

/** A plan of its own for each stream: the source gives each its own messages. */
export function account(plan: string): Opened {
  context ??= makeContext(settings);

  const audience = new Audience(context, plan, {
    deadlines,
    acceptable: WATCHED,
    expectsNothing: plan === IDLE,
  });
  return {
    close: () => void audience.leaveAll(),
    ended: audience.join(["client"]).then(() => audience.finish()),
  };
}

/** Hands on the last figures. To be called when all streams have ended. */
export function stopAccounting(): void {
  context?.meter.takeLag();
  context?.meter.stop();
}
