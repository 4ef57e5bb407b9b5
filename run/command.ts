import { DEFAULTS } from "./config.ts";

/** In place of what is nobody's business. */
const HIDDEN = "***";

/** `-e NAME=value`, or all of it in quotes, as the recorder quotes arguments with spaces. */
const VARIABLE = /(-e|--env)([ =])(?:(\w+)=[^\s']*|'(\w+)=(?:[^']|'\\'')*')/g;

/**
 * A command line as it may be shown. Of variables that are no settings of ours, and of names and passwords in URLs, it
 * says only that they were there.
 */
export function shownCommand(command: string): string {
  return command
    .replace(VARIABLE, (all, flag: string, gap: string, bare?: string, quoted?: string) => {
      const name = bare ?? quoted ?? "";
      return name in DEFAULTS ? all : `${flag}${gap}${name}=${HIDDEN}`;
    })
    .replace(/\/\/[^/\s@]*@/g, `//${HIDDEN}@`);
}
