import { Argument, InvalidArgumentError } from "commander";

/** Which of some parts: all when none is named. */
export const partsArgument = (names: readonly string[]): Argument =>
  new Argument("[parts...]", "which parts; all when none is named").choices(names);

export const isChosen = (name: string, chosen: readonly string[]): boolean =>
  chosen.length === 0 || chosen.includes(name);

export function positive(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}
