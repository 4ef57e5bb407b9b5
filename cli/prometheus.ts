import { shownUrl } from "../record/hidden.ts";

/** What k6 needs to send a run to Prometheus: arguments, and settings that go into its environment. */
export interface PrometheusOutput {
  args: readonly string[];
  env: Record<string, string>;
}

export const NO_PROMETHEUS: PrometheusOutput = { args: [], env: {} };

const WRITE_PATH = "/api/v1/write";
/** An empty WriteRequest, compressed by snappy. */
const EMPTY_WRITE = new Uint8Array([0]);
const CHECK_MS = 5_000;
/** A receiver may want more of a request than nothing. */
const EMPTY_REFUSED = 400;
/** Settings by which k6 reaches a receiver in a way that is not gone here: certificates, signatures, headers. */
const OWN_WAY =
  /^K6_PROMETHEUS_RW_(CLIENT_CERTIFICATE|INSECURE_SKIP_TLS_VERIFY|SIGV4_|HTTP_HEADERS|HEADERS_)/;

/**
 * The output for a Prometheus at `url` (its root, or the address of its remote write). Settings that the user has in
 * the environment stand; credentials come from there only.
 * @throws Error with one sentence where it is no such URL
 */
export function prometheusOutput(url: string, given: NodeJS.ProcessEnv = process.env): PrometheusOutput {
  const defaults = {
    K6_PROMETHEUS_RW_SERVER_URL: writeUrl(url),
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "1s",
    K6_PROMETHEUS_RW_STALE_MARKERS: "true",
    K6_PROMETHEUS_RW_TREND_STATS: "p(95),max",
  };
  const mine = Object.entries(defaults).filter(([name]) => name.endsWith("SERVER_URL") || !given[name]);
  return { args: ["-o", "experimental-prometheus-rw"], env: Object.fromEntries(mine) };
}

/** @throws Error with one sentence where it is no URL that `--prometheus` takes */
export function prometheusUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error(`--prometheus is "${shownUrl(text)}": it must be a URL such as http://localhost:9090`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error(
      "the URL after --prometheus holds credentials: set K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD instead",
    );
  }
  return url;
}

function writeUrl(text: string): string {
  const url = prometheusUrl(text);
  if (url.pathname === "/") url.pathname = WRITE_PATH;
  return url.href;
}

/**
 * Sends nothing, to see that somebody takes it: k6 itself would run to its end and lose every figure.
 * @throws Error with one sentence that says what to do
 */
export async function requireReceiver(
  { env }: PrometheusOutput,
  given: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const url = env.K6_PROMETHEUS_RW_SERVER_URL;
  if (url === undefined || Object.keys(given).some((name) => OWN_WAY.test(name) && given[name])) return;
  const status = await answerOf(url, credentials(given));
  if (status === 401 || status === 403) {
    throw new Error(
      `${shownUrl(url)} refuses the credentials (${status}): set K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD, or K6_PROMETHEUS_RW_BEARER_TOKEN`,
    );
  }
  if (status >= 300 && status !== EMPTY_REFUSED) {
    throw new Error(
      `${shownUrl(url)} takes no remote write (${status}): start Prometheus with --web.enable-remote-write-receiver, or correct the URL after --prometheus`,
    );
  }
}

/** How k6 says, in its log, that the receiver did not take what it sent. */
const NOT_TAKEN = /msg="Failed to send the time series data|error="marking time series as stale failed/g;

/**
 * What is told of a run whose figures were not all taken, from k6's log of it; undefined where they were. k6 sends nothing
 * a second time, and its exit code says nothing of it.
 */
export function notTaken(runId: string, log: string): string | undefined {
  const times = log.match(NOT_TAKEN)?.length ?? 0;
  if (times === 0) return undefined;
  return `what k6 sent of ${runId} was not taken ${times === 1 ? "once" : `${times} times`}: dashboards and alerts may lack figures and verdicts of it, its record does not`;
}

/** The credentials in the environment, of those that are sent as a header. */
export function credentials(given: NodeJS.ProcessEnv): Record<string, string> {
  const { K6_PROMETHEUS_RW_USERNAME: user, K6_PROMETHEUS_RW_PASSWORD: password = "" } = given;
  const { K6_PROMETHEUS_RW_BEARER_TOKEN: token } = given;
  if (user) return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  return token ? { authorization: `Bearer ${token}` } : {};
}

async function answerOf(url: string, authorization: Record<string, string>): Promise<number> {
  const headers = {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    ...authorization,
  };
  const request = { method: "POST", headers, body: EMPTY_WRITE, signal: AbortSignal.timeout(CHECK_MS) };
  try {
    return (await fetch(url, request)).status;
  } catch (error) {
    throw unreachable(url, error);
  }
}

/** What is told of an address that gave no answer. */
export function unreachable(url: string, error: unknown): Error {
  const { code, message } = (error as { cause?: { code?: string; message?: string } }).cause ?? {};
  return new Error(
    `${shownUrl(url)} cannot be reached (${code ?? message ?? error}): start Prometheus, or correct the URL after --prometheus`,
  );
}
