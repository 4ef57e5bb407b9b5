/** The error's message for a person, without Go's or JavaScript's wrapping. */
export function errorText(error: unknown): string {
  return String(error instanceof Error ? error.message : error).replace(/^GoError: /, "");
}
