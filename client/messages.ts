import * as v from "valibot";

/** What a stream of a plan says, the same for both transports. */
export type PlanMessage =
  /** A line of the pipeline: the messages that are accounted for. */
  | { kind: "log"; text: string; stamp: string }
  /** How the plan stands. */
  | { kind: "status"; status: string; text: string }
  /** The server says that there is no stream, or no more of it. */
  | { kind: "refusal"; text: string }
  /** The server says that this was all; it closes next. */
  | { kind: "end" }
  /** Says that the stream is there, and nothing of the plan. */
  | { kind: "alive" }
  | { kind: "malformed"; text: string };

const frameSchema = v.object({
  type: v.string(),
  message: v.optional(v.string(), ""),
  status: v.optional(v.string(), ""),
  timestamp: v.optional(v.string(), ""),
});

/** Reads the JSON of an SSE `task_update` or of a WebSocket frame. */
export function parseFrame(text: string): PlanMessage {
  const frame = v.safeParse(frameSchema, parseJson(text));
  if (!frame.success) return { kind: "malformed", text: text.slice(0, 200) };
  const { type, message, status, timestamp } = frame.output;
  switch (type) {
    case "log":
    case "error":
      return { kind: "log", text: message, stamp: timestamp };
    case "status":
      return { kind: "status", status, text: message };
    case "stream_end":
      return { kind: "end" };
    case "connection":
    case "heartbeat":
      return { kind: "alive" };
    default:
      return { kind: "malformed", text: text.slice(0, 200) };
  }
}

/** Reads the data of an SSE `error` event. */
export function parseRefusal(text: string): PlanMessage {
  const body = v.safeParse(v.object({ message: v.string() }), parseJson(text));
  return body.success ? { kind: "refusal", text: body.output.message } : { kind: "refusal", text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
