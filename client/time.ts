import { setTimeout } from "k6/timers";

/** Resolves after `ms` milliseconds. The virtual user's streams go on meanwhile. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
