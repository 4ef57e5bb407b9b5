const SECONDS_LENGTH = "2026-11-22T08:49:17".length;

let cachedSecond = "";
let cachedMs = 0;

/**
 * Milliseconds since the epoch, with fractions, of a server's timestamp: ISO 8601 with up to nine digits of a
 * fraction, naive (then UTC), with `Z` or with an offset. Undefined for anything else.
 */
export function parseStamp(stamp: unknown): number | undefined {
  if (typeof stamp !== "string" || stamp.length < SECONDS_LENGTH) return undefined;
  const second = stamp.slice(0, SECONDS_LENGTH);
  if (second !== cachedSecond) {
    const ms = Date.parse(`${second}Z`);
    if (Number.isNaN(ms)) return undefined;
    cachedSecond = second;
    cachedMs = ms;
  }
  const rest = stamp.slice(SECONDS_LENGTH);
  if (/^\.\d{1,9}$/.test(rest)) return cachedMs + Number(rest) * 1000;
  const parts = /^(\.\d{1,9})?(?:Z|([+-])(\d\d):(\d\d))?$/.exec(rest);
  if (parts === null) return undefined;
  const [, fraction = "0", sign, hours = "0", minutes = "0"] = parts;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return cachedMs + Number(fraction) * 1000 - (sign === "-" ? -offsetMs : offsetMs);
}
