import { Option } from "commander";
import { TRANSPORTS } from "../record/record.ts";
import { PROFILES } from "../run/config.ts";

/** Options that several commands share. */
export const outOption = () => new Option("--out <dir>", "where the results are").default("results");
export const transportOption = () =>
  new Option("--transport <name>", "only runs over this transport").choices(TRANSPORTS);
export const profileOption = () =>
  new Option("--profile <name>", "only runs of this profile").choices(PROFILES);

/** A program's failure: one sentence, and exit code 1. */
export function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
