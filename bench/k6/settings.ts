import type { Transport } from "../../record/record.ts";

/** The plan whose streams are silent. */
export const IDLE = "idle";

export const TIMEOUT_MS = 60_000;

/** What a script of the benchmark is told by its environment. */
export const settings = {
  baseUrl: __ENV.BASE_URL ?? "",
  transport: (__ENV.TRANSPORT ?? "sse") as Transport,
  /** How messages are taken: a name in WAYS. */
  way: __ENV.WAY ?? "empty",
  /** The id of the plan whose streams are opened: it tells the source what to send. */
  plan: __ENV.PLAN ?? IDLE,
  users: Number(__ENV.USERS ?? 1),
  /** Of each user. */
  streams: Number(__ENV.STREAMS ?? 1),
  /** After how long streams are closed; 0: they end by themselves. */
  holdSeconds: Number(__ENV.HOLD ?? 0),
  /** After how long k6 breaks users off. */
  limitSeconds: Number(__ENV.LIMIT ?? 300),
};
