import * as v from "valibot";
import { credentials, prometheusUrl, unreachable } from "./prometheus.ts";

/** A series of an answer: its labels, and its samples (time in seconds since the epoch, value). */
export interface Series {
  labels: Readonly<Record<string, string>>;
  samples: readonly (readonly [seconds: number, value: number])[];
}

/** Asks for the series of an expression at a time, in seconds since the epoch. */
export type Ask = (query: string, atSeconds: number) => Promise<Series[]>;

const ANSWER_MS = 60_000;
/** Where Prometheus takes figures; beside it, it answers questions. */
const WRITE_PATHS = /\/(api\/v1\/write|push)?$/;

const sampleSchema = v.tuple([v.number(), v.pipe(v.string(), v.transform(Number))]);
const seriesSchema = v.pipe(
  v.object({
    metric: v.record(v.string(), v.string()),
    value: v.optional(sampleSchema),
    values: v.optional(v.array(sampleSchema)),
  }),
  v.transform(
    ({ metric, value, values = value === undefined ? [] : [value] }): Series => ({
      labels: metric,
      samples: values,
    }),
  ),
);
const answerSchema = v.variant("status", [
  v.object({ status: v.literal("success"), data: v.object({ result: v.array(seriesSchema) }) }),
  v.object({ status: v.literal("error"), error: v.string() }),
]);

/**
 * How a Prometheus is asked: `url` is its root, or the address of its remote write; credentials come from the environment.
 * Asking throws one sentence where it cannot be reached, refuses, or is no Prometheus.
 */
export function prometheusAt(url: string, env: NodeJS.ProcessEnv = process.env): Ask {
  const root = prometheusUrl(url);
  root.pathname = `${root.pathname.replace(WRITE_PATHS, "")}/api/v1/query`;
  return (query, atSeconds) => ask(root.href, query, atSeconds, credentials(env));
}

async function ask(
  url: string,
  query: string,
  atSeconds: number,
  headers: Record<string, string>,
): Promise<Series[]> {
  const body = new URLSearchParams({ query, time: String(atSeconds) });
  const { status, text } = await post(url, { headers, body });
  if (status === 401 || status === 403) {
    throw new Error(
      `${url} refuses the credentials (${status}): set K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD, or K6_PROMETHEUS_RW_BEARER_TOKEN`,
    );
  }
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), text);
  if (!answer.success) {
    throw new Error(
      `${url} does not answer as Prometheus does (status ${status}): correct the URL after --prometheus`,
    );
  }
  if (answer.output.status === "error")
    throw new Error(`Prometheus could not answer: ${answer.output.error}`);
  return answer.output.data.result;
}

async function post(url: string, request: { headers: Record<string, string>; body: URLSearchParams }) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      ...request,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    throw unreachable(url, error);
  }
}
