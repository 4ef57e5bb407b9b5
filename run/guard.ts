import exec from "k6/execution";
import type { Options } from "k6/options";
import { recorder } from "../client/extension.ts";
import type { Config } from "./config.ts";
import { WHOLE_RUN_LABEL } from "./series.ts";

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

/** What of k6's own options would go around the guard, show a secret, or spoil the run: in a sentence that ends it. */
export function unsafeOption(config: Config): string | undefined {
  const { blacklistIPs, httpDebug, noTeardown, rps, tags }: Options & { noTeardown?: boolean } =
    exec.test.options;
  const isForbidden = new Set(blacklistIPs?.map(String));
  if (!forbiddenNetworks(config).every((network) => isForbidden.has(network))) {
    return "k6's option blacklistIPs takes the place of what keeps the load on this machine: leave out --blacklist-ip and K6_BLACKLIST_IPS";
  }
  if (httpDebug && Object.keys(config.headers).length > 0) {
    return "k6's option httpDebug would print API_TOKEN and API_HEADERS: leave out --http-debug and K6_HTTP_DEBUG";
  }
  if (noTeardown) {
    return "k6's option noTeardown would leave plans on the server, and the targets unjudged: leave out --no-teardown and K6_NO_TEARDOWN";
  }
  if (rps) {
    return "k6's option rps would hold back the load, and the measurement would be of that: leave out --rps and K6_RPS";
  }
  // Of our labels the one that nobody gives: --tag may be a testid.
  if (tags?.test !== WHOLE_RUN_LABEL) {
    return "k6's option tags takes the place of the labels by which dashboards find the run: leave out --tag and K6_TAGS, or add --features merge-run-tags";
  }
  return unsafeSummary(recorder.command(), __ENV);
}

/** With these k6 would end without a verdict. They are of its program and not of a test: a script is not told of them. */
function unsafeSummary(command: string, env: Record<string, string | undefined>): string | undefined {
  const mode = /\s--summary-mode[ =](\S+)/.exec(command)?.[1] ?? env.K6_SUMMARY_MODE;
  if (mode === "disabled") {
    return "k6's summary is disabled, and the verdict with it: leave out --summary-mode and K6_SUMMARY_MODE";
  }
  const flag = /\s--new-machine-readable-summary(?:=(\S+))?/.exec(command);
  const format = flag === null ? env.K6_NEW_MACHINE_READABLE_SUMMARY : (flag[1] ?? "true");
  if (/^(1|t|true)$/i.test(format ?? "")) {
    return "k6's summary in its new format lacks what the verdict is made of: leave out --new-machine-readable-summary and K6_NEW_MACHINE_READABLE_SUMMARY";
  }
  return undefined;
}
