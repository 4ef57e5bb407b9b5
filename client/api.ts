import http from "k6/http";
import * as v from "valibot";
import type { Access } from "./access.ts";
import { recorder } from "./extension.ts";

const planSchema = v.object({
  /** Part of URLs, whatever server gives it. */
  plan_id: v.pipe(v.string(), v.regex(/^[\w-]{1,200}$/)),
  /** pending, running, completed, failed or cancelled; newer servers have others. */
  status: v.string(),
  prompt: v.string(),
  /** The server's clock, naive UTC. */
  created_at: v.optional(v.string(), ""),
});
export type Plan = v.InferOutput<typeof planSchema>;

const healthSchema = v.object({
  status: v.string(),
  version: v.optional(v.string(), "unknown"),
  /** Said by servers whose pipeline is simulated. */
  simulated: v.optional(v.boolean(), false),
  behaviour: v.optional(v.string(), ""),
});
export type Health = v.InferOutput<typeof healthSchema>;

const modelsSchema = v.array(v.object({ id: v.string() }));
const streamStatusSchema = v.object({ ready: v.boolean() });
const detailsSchema = v.object({ pipeline_log: v.nullish(v.string(), "") });

const artefactsSchema = v.object({ artefacts: v.array(v.object({ filename: v.string() })) });

const fallbackReportSchema = v.object({
  completion_percentage: v.number(),
  missing_sections: v.array(v.object({ filename: v.string() })),
  assembled_html: v.string(),
});
export type FallbackAnswer = v.InferOutput<typeof fallbackReportSchema>;

/** An answer, or the lack of one (`status` 0). `body` is undefined where it is not what the API promises. */
export interface Answer<Body> {
  call: string;
  /** When the request was sent, in milliseconds since the epoch. */
  at: number;
  status: number;
  durationMs: number;
  body: Body | undefined;
  /** The answer's text or the error, for a person, cut to a bearable length. */
  text: string;
  /** What its Retry-After asks to wait; 0 without one in seconds. */
  retryAfterMs: number;
  /** False where nothing was sent, because the time was over. */
  isAsked: boolean;
}

const LONGEST_TEXT = 500;

/** How a plan stands, as far as the server has told. No answer, or one that says neither, is `unknown`: never a no. */
export type PlanState = "running" | "over" | "gone" | "unknown";

const RUNNING = ["pending", "running"];
const OVER = ["completed", "failed", "cancelled"];

/** What an answer of GET /api/plans/{id} says of the plan. */
export function planState({ status, body }: Pick<Answer<Plan>, "status" | "body">): PlanState {
  if (isAbsent(status)) return "gone";
  if (body === undefined) return "unknown";
  if (RUNNING.includes(body.status)) return "running";
  return OVER.includes(body.status) ? "over" : "unknown";
}

/** Whether an answer says that what was asked for is not there: no other answer does, and no answer least of all. */
export const isAbsent = (status: number): boolean => status === 404 || status === 405 || status === 410;

/** Whether an answer says that the server has no such call, and not only no such plan. */
export const isNoRoute = ({ status, text }: Pick<Answer<unknown>, "status" | "text">): boolean =>
  status === 405 || status === 410 || (status === 404 && /"detail":\s*"Not Found"/.test(text));

/** Less than the 4 KiB that the tightest proxies take as a request's first line. */
const PADDING = Array.from({ length: 1_900 }, () => "a").join("&");

export interface NewPlan {
  prompt: string;
  model: string | null;
}

/** In place of an answer, where nothing is asked any more. */
const UNASKED = {
  status: 0,
  durationMs: 0,
  body: undefined,
  text: "not asked, because the test's time was over",
  retryAfterMs: 0,
  isAsked: false,
};

/**
 * The plan API over HTTP. Every method resolves, whatever the server does: what went wrong is in the answer. `observe`
 * is told of every answer; a request that has none after `timeoutMs` has status 0. From `endsAt` on (milliseconds since
 * the epoch) nothing is asked, and no request outlasts it: whoever asks comes to an end although the server answers
 * nothing. No more than 32 MiB of an answer are read. Redirects are not followed: they might lead to where no load is
 * allowed. Requests never block the virtual user's event loop, where its streams are read.
 */
export class PlanApi {
  constructor(
    readonly access: Access,
    private readonly timeoutMs: number,
    private readonly observe: (answer: Answer<unknown>) => void = () => {},
    readonly endsAt = Number.POSITIVE_INFINITY,
  ) {
    recorder.boundAnswers();
  }

  health = () => this.call("GET", "/health", "/health", healthSchema);
  /** The same with a long query that nobody reads: see run/settling.ts. */
  paddedHealth = () => this.call("GET", "/health", `/health?${PADDING}`, healthSchema);
  models = () => this.call("GET", "/api/models", "/api/models", modelsSchema);
  list = () => this.call("GET", "/api/plans", "/api/plans", v.array(planSchema));
  get = (id: string) => this.call("GET", "/api/plans/{id}", `/api/plans/${id}`, planSchema);
  delete = (id: string) => this.call("DELETE", "/api/plans/{id}", `/api/plans/${id}`, v.unknown());
  streamStatus = (id: string) =>
    this.call("GET", "/api/plans/{id}/stream-status", `/api/plans/${id}/stream-status`, streamStatusSchema);
  details = (id: string) =>
    this.call("GET", "/api/plans/{id}/details", `/api/plans/${id}/details`, detailsSchema);
  files = (id: string) => this.call("GET", "/api/plans/{id}/files", `/api/plans/${id}/files`, v.unknown());
  report = (id: string) => this.call("GET", "/api/plans/{id}/report", `/api/plans/${id}/report`, v.string());

  artefacts = (id: string) =>
    this.call("GET", "/api/plans/{id}/artefacts", `/api/plans/${id}/artefacts`, artefactsSchema);
  fallbackReport = (id: string) =>
    this.call(
      "GET",
      "/api/plans/{id}/fallback-report",
      `/api/plans/${id}/fallback-report`,
      fallbackReportSchema,
    );

  create({ prompt, model }: NewPlan): Promise<Answer<Plan>> {
    const body = { prompt, llm_model: model, speed_vs_detail: "fast_but_skip_details" };
    return this.call("POST", "/api/plans", "/api/plans", planSchema, body);
  }

  private async call<Body>(
    method: string,
    name: string,
    path: string,
    schema: v.GenericSchema<unknown, Body>,
    payload?: object,
  ): Promise<Answer<Body>> {
    const at = recorder.now();
    const timeout = Math.min(this.timeoutMs, Math.floor(this.endsAt - at));
    if (timeout <= 0) {
      return { ...UNASKED, call: `${method} ${name}`, at };
    }
    const response = await http.asyncRequest(
      method,
      `${this.access.baseUrl}${path}`,
      payload === undefined ? null : JSON.stringify(payload),
      {
        headers: {
          ...(payload === undefined ? {} : { "Content-Type": "application/json" }),
          ...this.access.headers,
        },
        tags: { name },
        timeout,
        redirects: 0,
      },
    );
    const text = typeof response.body === "string" ? response.body : "";
    const answer: Answer<Body> = {
      call: `${method} ${name}`,
      at,
      status: response.status,
      durationMs: recorder.now() - at,
      body: response.status === 200 ? parseBody(schema, text) : undefined,
      // Of an answer that broke off the reason counts, and not its beginning.
      text: this.access
        .hide(response.status === 0 ? response.error : text || response.error)
        .slice(0, LONGEST_TEXT),
      retryAfterMs: 1_000 * (Number(response.headers["Retry-After"]) || 0),
      isAsked: true,
    };
    this.observe(answer);
    return answer;
  }
}

/** Undefined where it is no JSON. */
function parseJson(text: string): unknown {
  if (recorder.isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body as JSON, or as the text itself where the schema asks for that. */
function parseBody<Body>(schema: v.GenericSchema<unknown, Body>, text: string): Body | undefined {
  const asText = v.safeParse(schema, text);
  if (asText.success) return asText.output;
  const asJson = v.safeParse(schema, parseJson(text));
  return asJson.success ? asJson.output : undefined;
}

/** The plans in the text of an answer of GET /api/plans; undefined where it is not what the API promises. */
export const plansIn = (text: string): Plan[] | undefined => parseBody(v.array(planSchema), text);

/** The number of lines in a plan's own log; undefined where the server does not give it. */
export function logLines(details: Answer<{ pipeline_log: string }>): number | undefined {
  if (details.body === undefined) return undefined;
  return details.body.pipeline_log.split("\n").filter((line) => line.trim() !== "").length;
}
