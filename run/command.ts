import { HIDDEN } from "../record/hidden.ts";
import { isSecret, isSetting } from "./settings.ts";

/**
 * `-e NAME=value`, also behind other letters (`-qe`), or all of it in quotes, as the recorder quotes arguments with spaces.
 */
const VARIABLE = /(?<=^|\s)(-[hlpqvw]*e|--env)([ =]?)(?:([\w.-]+)=[^\s']*|'([\w.-]+)=(?:[^']|'\\'')*')/g;

/**
 * A command line as it may be shown. Of variables that are no settings of ours, and of names, passwords and queries in URLs,
 * it says only that they were there.
 */
export function shownCommand(command: string): string {
  return command
    .replace(VARIABLE, (all, flag: string, gap: string, bare?: string, quoted?: string) => {
      const name = bare ?? quoted ?? "";
      return isSetting(name) && !isSecret(name) ? all : `${flag}${gap}${name}=${HIDDEN}`;
    })
    .replace(/\/\/[^\s@]*@/g, `//${HIDDEN}@`)
    .replace(/(\w:\/\/[^\s'?]*)\?[^\s']*/g, `$1?${HIDDEN}`);
}

/** The names of the variables that a command line gives to the script. */
export const givenVariables = (command: string): string[] =>
  [...command.matchAll(VARIABLE)].map(([, , , bare, quoted]) => bare ?? quoted ?? "");

/**
 * Secrets come from the environment.
 * @throws Error where one is among the variables of the command line
 */
export function refuseShownSecrets(given: readonly string[]): void {
  const name = given.find(isSecret);
  if (name !== undefined) {
    throw new Error(
      `${name} is in the command line, where every user of this machine can read it: export it in the environment instead`,
    );
  }
}
