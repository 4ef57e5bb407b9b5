import { HIDDEN } from "../record/hidden.ts";

/** How the plan server is reached, by every request and every handshake. */
export interface Access {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** What is sent with each, e.g. an Authorization. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server has said, as it may be told: without the values of the headers, which a server may repeat. */
  hide(text: string): string;
}

/** A shorter value is no secret, and would be found in every other word. */
const SHORTEST_SECRET = 6;

export function accessTo(baseUrl: string, headers: Access["headers"]): Access {
  const secrets = Object.values(headers)
    .flatMap((value) => [value, value.replace(/^(Bearer|Basic) +/i, "")])
    .filter(({ length }) => length >= SHORTEST_SECRET);
  return {
    baseUrl,
    headers,
    hide: (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text),
  };
}
