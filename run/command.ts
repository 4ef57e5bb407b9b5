import { HIDDEN } from "../record/hidden.ts";
import { DEFAULTS, SECRETS, type SettingName } from "./config.ts";

/** `-e NAME=value`, or all of it in quotes, as the recorder quotes arguments with spaces. */
const VARIABLE = /(?<=^|\s)(-e|--env)([ =]?)(?:(\w+)=[^\s']*|'(\w+)=(?:[^']|'\\'')*')/g;

/**
 * A command line as it may be shown. Of variables that are no settings of ours, and of names, passwords and queries in URLs,
 * it says only that they were there.
 */
export function shownCommand(command: string): string {
  return command
    .replace(VARIABLE, (all, flag: string, gap: string, bare?: string, quoted?: string) => {
      const name = bare ?? quoted ?? "";
      return name in DEFAULTS && !isSecret(name) ? all : `${flag}${gap}${name}=${HIDDEN}`;
    })
    .replace(/\/\/[^\s@]*@/g, `//${HIDDEN}@`)
    .replace(/(\w:\/\/[^\s'?]*)\?[^\s']*/g, `$1?${HIDDEN}`);
}

const isSecret = (name: string): boolean => SECRETS.includes(name as SettingName);

/**
 * Secrets come from the environment.
 * @throws Error where the command line has one
 */
export function refuseShownSecrets(command: string): void {
  const [, , , bare, quoted] =
    [...command.matchAll(VARIABLE)].find(([, , , bare, quoted]) => isSecret(bare ?? quoted ?? "")) ?? [];
  const name = bare ?? quoted;
  if (name !== undefined) {
    throw new Error(
      `${name} is in the command line, where every user of this machine can read it: export it in the environment instead`,
    );
  }
}
