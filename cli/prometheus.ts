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
    K6_PROMETHEUS_RW_TREND_STATS: "p(50),p(95),p(99),max",
  };
  const mine = Object.entries(defaults).filter(([name]) => name.endsWith("SERVER_URL") || !given[name]);
  return { args: ["-o", "experimental-prometheus-rw"], env: Object.fromEntries(mine) };
}

function writeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error(`--prometheus is "${text}": it must be a URL such as http://localhost:9090`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error(
      "the URL after --prometheus holds credentials: set K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD instead",
    );
  }
  if (url.pathname === "/") url.pathname = WRITE_PATH;
  return url.href;
}

/**
 * Sends nothing, to see that somebody takes it: k6 itself would run to its end and lose every figure.
 * @throws Error with one sentence that says what to do
 */
export async function requireReceiver({ env }: PrometheusOutput): Promise<void> {
  const url = env.K6_PROMETHEUS_RW_SERVER_URL;
  if (url === undefined) return;
  const status = await answerOf(url);
  if (status === 404) {
    throw new Error(
      `${url} takes no remote write (404): start Prometheus with --web.enable-remote-write-receiver`,
    );
  }
}

async function answerOf(url: string): Promise<number> {
  const headers = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
  const request = { method: "POST", headers, body: EMPTY_WRITE, signal: AbortSignal.timeout(CHECK_MS) };
  try {
    return (await fetch(url, request)).status;
  } catch (error) {
    const { code, message } = (error as { cause?: { code?: string; message?: string } }).cause ?? {};
    throw new Error(
      `${url} cannot be reached (${code ?? message ?? error}): start Prometheus, or correct the URL after --prometheus`,
    );
  }
}
