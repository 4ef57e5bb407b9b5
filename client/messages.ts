import * as v from "valibot";

/** What a stream of a plan says, the same for both transports. */
export type PlanMessage =
  /** A line of the pipeline: the messages that are accounted for. */
  | { kind: "log" }
  /** How the plan stands. */
  | { kind: "status"; status: string; text: string }
  /** The server says that there is no stream, or no more of it. */
  | { kind: "refusal"; text: string }
  /** The server says that this was all; it closes next. */
  | { kind: "end" }
  /** Says that the stream is there, and nothing of the plan. */
  | { kind: "alive" }
  /** Of a type that this suite does not know, as newer servers have them: neither malformed nor a line of the pipeline. */
  | { kind: "unknown"; type: string; text: string }
  | { kind: "malformed"; text: string };

/** A member of a parsed frame as text; "" where it is absent or of another type. */
function textOf(frame: object, name: "type" | "message" | "status"): string {
  const value: unknown = (frame as Partial<Record<typeof name, unknown>>)[name];
  return typeof value === "string" ? value : "";
}

/**
 * Reads the JSON of an SSE `task_update` or of a WebSocket frame. By hand and not with a schema: this is done for every
 * message, in a runtime where a schema would cost more than all the rest.
 */
export function parseFrame(text: string): PlanMessage {
  const frame = parseJson(text);
  if (typeof frame !== "object" || frame === null) return malformed(text);
  const type = textOf(frame, "type");
  switch (type) {
    case "log":
    case "error":
      return { kind: "log" };
    case "status":
      return { kind: "status", status: textOf(frame, "status"), text: textOf(frame, "message") };
    case "stream_end":
      return { kind: "end" };
    case "connection":
    case "heartbeat":
      return { kind: "alive" };
    case "":
      return malformed(text);
    default:
      return { kind: "unknown", type, text };
  }
}

export const malformed = (text: string): PlanMessage => ({ kind: "malformed", text });

/** Reads the data of an SSE `error` event. */
export function parseRefusal(text: string): PlanMessage {
  const body = v.safeParse(v.object({ message: v.string() }), parseJson(text));
  return { kind: "refusal", text: body.success ? body.output.message : text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
