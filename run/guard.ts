import exec from "k6/execution";
import type { Options } from "k6/options";
import type { Config } from "./config.ts";

/**
 * Every network but this machine's own, 127.0.0.0/8 and ::1, as k6's `blacklistIPs`. k6 holds them against the address
 * that it connects to: against what a name was resolved to, at each connection.
 */
const ELSEWHERE: readonly string[] = [
  ...Array.from({ length: 8 }, (_, bit) => `${((127 >> (7 - bit)) ^ 1) << (7 - bit)}.0.0.0/${bit + 1}`),
  ...Array.from({ length: 128 }, (_, bit) => `${withBit(bit)}/${bit + 1}`),
];

/** ::1 with a bit turned over and all after it cut off; in k6's own spelling, by which the networks are found again. */
function withBit(bit: number): string {
  if (bit === 127) return "::";
  const group = bit >> 4;
  const word = (0x8000 >> (bit & 15)).toString(16);
  return group < 4 ? `${"0:".repeat(group)}${word}::` : `::${word}${":0".repeat(7 - group)}`;
}

/** Where k6 may not connect to. */
export const forbiddenNetworks = ({ isLocal }: Config): string[] => (isLocal ? [...ELSEWHERE] : []);

/** What of k6's own options would go around the guard, show a secret, or lose the verdict: in a sentence that ends the run. */
export function unsafeOption(config: Config): string | undefined {
  const options: Options & { noTeardown?: boolean } = exec.test.options;
  const { blacklistIPs, httpDebug, noTeardown } = options;
  const isForbidden = new Set(blacklistIPs?.map(String));
  if (!forbiddenNetworks(config).every((network) => isForbidden.has(network))) {
    return "k6's option blacklistIPs takes the place of what keeps the load on this machine: leave out --blacklist-ip and K6_BLACKLIST_IPS";
  }
  if (httpDebug && Object.keys(config.headers).length > 0) {
    return "k6's option httpDebug would print API_TOKEN and API_HEADERS: leave out --http-debug and K6_HTTP_DEBUG";
  }
  if (noTeardown) {
    return "nothing would be judged, and plans be left on the server: leave out --no-teardown and K6_NO_TEARDOWN";
  }
  return undefined;
}
