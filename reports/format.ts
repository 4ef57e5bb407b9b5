/** A duration of milliseconds as a person reads it, e.g. "12.3 ms"; "–" for none. */
export const milliseconds = (ms: number | null | undefined): string =>
  ms === undefined || ms === null ? "–" : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;

/** The same where it may be long: from ten seconds on in seconds, e.g. "31.4 s". */
export const lasting = (ms: number): string =>
  ms < 10_000 ? milliseconds(ms) : `${(ms / 1_000).toFixed(1)} s`;

export const decimal = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined ? "–" : value.toFixed(digits);

/** A length of time as a person says it, e.g. "2 h 11 min" or "38 s". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Milliseconds since the epoch, or ISO 8601, as "2026-11-25 23:05:00 UTC". */
export const moment = (at: number | string): string =>
  `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

const LONGEST = 2_000;

/** Text from outside, cut to what a person may read. */
export const clip = (text: string): string =>
  text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters in run.json)`;

/**
 * Text from outside for where nothing isolates it: terminals, XML and Markdown. Control characters and marks that turn
 * the direction of writing are shown by their code, so that they do nothing. (k6 knows no \p in regular expressions.)
 */
export const plain = (text: string): string =>
  clip(text).replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are to be found
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
