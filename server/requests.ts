import * as v from "valibot";
import { ApiError } from "./errors.ts";
import type { PlanRequest } from "./plans.ts";

const SPEEDS = ["fast_but_skip_details", "balanced_speed_and_detail", "all_details_but_slow"] as const;
const MAX_PROMPT = 10_000;

/** Pydantic's error types, which the schema below gives as its messages, and what pydantic says for each. */
const MESSAGES: Readonly<Record<string, string>> = {
  missing: "Field required",
  model_attributes_type: "Input should be a valid dictionary or object to extract fields from",
  string_type: "Input should be a valid string",
  string_too_short: "String should have at least 1 character",
  string_too_long: `String should have at most ${MAX_PROMPT} characters`,
  enum: `Input should be '${SPEEDS[0]}', '${SPEEDS[1]}' or '${SPEEDS[2]}'`,
};

const PlanBody = v.object(
  {
    prompt: v.pipe(
      v.string("string_type"),
      v.minLength(1, "string_too_short"),
      v.check((prompt) => [...prompt].length <= MAX_PROMPT, "string_too_long"),
    ),
    llm_model: v.nullish(v.string("string_type")),
    speed_vs_detail: v.optional(v.picklist(SPEEDS, "enum")),
  },
  "model_attributes_type",
);

/**
 * The plan that a request body asks for.
 * @throws ApiError 422 with FastAPI's list of `{type, loc, msg, input}`
 */
export function parsePlanRequest(text: string): PlanRequest {
  const body = parseJson(text);
  // a list is an object to valibot, but not to Python
  const result = v.safeParse(PlanBody, Array.isArray(body) ? null : body);
  if (!result.success) {
    throw new ApiError(
      422,
      result.issues.map((issue) => problem(issue, body)),
    );
  }
  return { prompt: result.output.prompt, model: result.output.llm_model ?? null };
}

function parseJson(text: string): unknown {
  if (text === "") {
    throw new ApiError(422, [{ type: "missing", loc: ["body"], msg: MESSAGES.missing, input: null }]);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(422, [
      { type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", input: {} },
    ]);
  }
}

function problem(issue: v.InferIssue<typeof PlanBody>, body: unknown) {
  const path = issue.path?.map(({ key }) => key) ?? [];
  const ofBody = issue.type === "object";
  const type = ofBody && path.length > 0 ? "missing" : issue.message;
  return { type, loc: ["body", ...path], msg: MESSAGES[type], input: ofBody ? body : issue.input };
}
