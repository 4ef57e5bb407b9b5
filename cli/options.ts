import { InvalidArgumentError, Option } from "commander";
import { TRANSPORTS } from "../record/record.ts";
import { DEFAULTS, PROFILES, type SettingName } from "../run/settings.ts";

/** An option that is a setting of a run. Where it is not given, the environment's value stands, and else the default. */
export const settingOption = (flags: string, name: SettingName, description: string) =>
  new Option(flags, description).default(
    process.env[name] || DEFAULTS[name],
    [DEFAULTS[name], `${name} of the environment`].filter(Boolean).join(", or "),
  );

/** Options that several commands share. */
export const outOption = () => settingOption("--out <dir>", "OUT_DIR", "where the results are");
export const transportOption = () =>
  new Option("--transport <name>", "only runs over this transport").choices(TRANSPORTS);
export const profileOption = () =>
  new Option("--profile <name>", "only runs of this profile").choices(PROFILES);

export const daysOption = () =>
  new Option("--keep <days>", "how long results are kept").argParser(wholeNumber(1, 3_650));

export const jitterOption = () =>
  new Option("--jitter <seconds>", "waits for a random time up to this before it begins")
    .argParser(wholeNumber(0, 3_600))
    .default(0);

/** Reads a whole number from `least` to `most`. */
export const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}.`);
};

/** A program's failure: one sentence, and exit code 1. */
export function fail(error: unknown): void {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exitCode = 1;
}

/** What a failure is to a person: of the file system's, which path it was. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path === undefined) return message;
  return code === "ENOSPC"
    ? `${path} cannot be written: the disk is full; free some of it, or give another directory`
    : `${path} cannot be used (${code}): give another, or make it one that you may read and write`;
}
