/** In place of what is nobody's business. */
export const HIDDEN = "***";

/** A URL as it may be shown, also one that is not well formed: without names, passwords and what it asks for. */
export function shownUrl(url: string): string {
  return url.replace(/^(\w+:\/\/)?.*@/s, `$1${HIDDEN}@`).replace(/[?#].*$/s, `?${HIDDEN}`);
}
