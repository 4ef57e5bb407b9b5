import type { Options } from "k6/options";
import { setTimeout } from "k6/timers";

export const options: Options = { vus: Number(__ENV.USERS), iterations: Number(__ENV.USERS) };

/** A virtual user that holds nothing, and does nothing. */
export function idle(): void {
  setTimeout(() => {}, Number(__ENV.HOLD) * 1_000);
}

export default idle;
