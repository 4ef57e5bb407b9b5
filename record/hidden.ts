/** In place of what is nobody's business. */
export const HIDDEN = "***";

/** A URL as it may be shown, also one that is not well formed: without names, passwords and what it asks for. */
export function shownUrl(url: string): string {
  return url.replace(/^(\w+:\/\/)?.*@/s, `$1${HIDDEN}@`).replace(/[?#].*$/s, `?${HIDDEN}`);
}

const LONGEST_SHOWN = 200;

/** All but printable signs. Written so because k6's own regular expressions know no classes of Unicode. */
const NOT_ON_A_LINE = /[^ -~\u00a0-\u2027\u202a-\uffff]/g;

/** Any text as a sentence may repeat it: on one line, and of a bearable length. */
export function shownText(text: string): string {
  const escaped = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const line = text.replace(NOT_ON_A_LINE, escaped);
  return line.length <= LONGEST_SHOWN ? line : `${line.slice(0, LONGEST_SHOWN)}…`;
}
