import { type ErrorEvent, type MessageEvent, WebSocket } from "k6/websockets";
import type { StreamSource } from "k6/x/sse";
import type { Transport, WsClient } from "../record/record.ts";
import type { Access } from "./access.ts";
import { recorder, sse } from "./extension.ts";
import type { Account } from "./ledger.ts";
import { malformed, type PlanMessage, parseFrame, parseRefusal } from "./messages.ts";

/** How the socket of a stream ended. `clean`: as the protocol says; not clean: broken, refused, never connected. */
export interface WireEnd {
  clean: boolean;
  reason: string;
  /** The server answered, and said no: a status, another content type. Else the connection itself failed. */
  isAnswer: boolean;
  /** The status with which it said no, where that is known. */
  status?: number;
}

/** What a wire reports. `at` is milliseconds since the epoch, taken when the bytes were read from the socket. */
export interface WireEvents {
  /** The server serves the stream: SSE, the answer's headers; a WebSocket says so with its first frame. */
  open(at: number): void;
  /** Anything that the account did not take: all but the plan's log after its first message. */
  message(message: PlanMessage, at: number): void;
  end(end: WireEnd): void;
}

/** A socket on which the messages of one plan come. */
export interface Wire {
  /** Stops reading from the socket, until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Opens the stream of a plan. Its messages go to `account`. */
export type Connect = (planId: string, account: Account, events: WireEvents) => Wire;

/** The stream of the given transport at the server: the only place where the two transports differ. */
export function connector(
  transport: Transport,
  access: Access,
  timeoutMs: number,
  wsClient: WsClient,
): Connect {
  const connect = connectorOf(transport, access, timeoutMs, wsClient);
  return (planId, account, events) => connect(planId, account, hiding(access, events));
}

function connectorOf(transport: Transport, access: Access, timeoutMs: number, wsClient: WsClient): Connect {
  if (transport === "sse") return overSse(access, timeoutMs);
  return wsClient === "k6" ? overK6WebSocket(access) : overWebSocket(access, timeoutMs);
}

/** The most that is kept of what a server says in words. */
const LONGEST_TEXT = 500;

/** The same events, with what the server says in words as it may be told: cut only when nothing is left to be hidden. */
const hiding = ({ hide }: Access, { open, message, end }: WireEvents): WireEvents => ({
  open,
  message: (said, at) =>
    message("text" in said ? { ...said, text: hide(said.text).slice(0, LONGEST_TEXT) } : said, at),
  end: (how) => end({ ...how, reason: hide(how.reason) }),
});

/** Bytes of a message beyond which its stream is given up: what a server says is held in memory. */
const LONGEST_MESSAGE = 16 * 1024 * 1024;

/** Reads what a server said, unless that would take the parser too deep. */
const read = (text: string, parse = parseFrame): PlanMessage =>
  recorder.isTooDeep(text) ? malformed(text) : parse(text);

/** What came under a name that the API does not have need not be as the API has it. */
function readOther(text: string): PlanMessage {
  const said = read(text);
  return said.kind === "malformed" ? { kind: "unknown", type: "no JSON of the API", text } : said;
}

function overSse({ baseUrl, headers }: Access, timeoutMs: number): Connect {
  return (planId, { sink }, events) => {
    sink.expectNames();
    const source = new sse.EventSource(`${baseUrl}/api/plans/${planId}/stream`, {
      sink,
      headers,
      redirects: 0,
      tags: { name: "/api/plans/{id}/stream" },
      timeouts: { connect: timeoutMs },
      maxLineBytes: LONGEST_MESSAGE,
    });
    source.onopen = (event) => events.open(event.timestamp);
    source.addEventListener("task_update", (event) => events.message(read(event.data), event.timestamp));
    // Without a name, or under another: the account counts those, and hands them on as "message".
    source.onmessage = (event) => events.message(readOther(event.data), event.timestamp);
    source.addEventListener("end", (event) => events.message({ kind: "end" }, event.timestamp));
    source.addEventListener("error", (event) => {
      if ("data" in event) events.message(read(event.data, parseRefusal), event.timestamp);
    });
    return endingAt(source, events);
  };
}

const webSocketUrl = (baseUrl: string, planId: string): string =>
  `${baseUrl.replace(/^http/, "ws")}/ws/plans/${planId}/progress`;
const WS_NAME = "/ws/plans/{id}/progress";
const NORMAL_CLOSURE = 1000;
const BINARY_FRAME: PlanMessage = { kind: "malformed", text: "a binary frame" };

function overWebSocket({ baseUrl, headers }: Access, timeoutMs: number): Connect {
  return (planId, { sink }, events) => {
    const source = new sse.WebSocketSource(webSocketUrl(baseUrl, planId), {
      sink,
      headers,
      tags: { name: WS_NAME },
      timeouts: { connect: timeoutMs },
      maxMessageBytes: LONGEST_MESSAGE,
    });
    source.onmessage = (event) => events.message(read(event.data), event.timestamp);
    source.addEventListener("binary", (event) => events.message(BINARY_FRAME, event.timestamp));
    return endingAt(source, events);
  };
}

/** Has a source of either kind report its end. */
function endingAt(source: StreamSource, events: WireEvents): Wire {
  source.onerror = ({ kind, code, message, status }) => {
    const isAnswer = kind === "end" || kind === "status" || kind === "content-type";
    const clean = kind === "end" && (code === 0 || code === NORMAL_CLOSURE);
    const reason = clean ? "closed by the server" : message;
    events.end({ clean, reason, isAnswer, ...(kind === "status" ? { status } : {}) });
  };
  return source;
}

/** The ready state of a socket that is not open yet; k6 has no constant for it at run time. */
const CONNECTING = 0;
const ABNORMAL_CLOSURE = 1006;
/** What k6 says where the server answered a handshake with another status than 101. */
const HANDSHAKE_REFUSED = "bad handshake";

function overK6WebSocket({ baseUrl, headers }: Access): Connect {
  return (planId, { sink }, events) => {
    const socket = new WebSocket(webSocketUrl(baseUrl, planId), null, { headers, tags: { name: WS_NAME } });
    let failure: string | undefined;
    let isClosing = false;
    socket.addEventListener("open", () => {
      if (isClosing) socket.close();
    });
    socket.addEventListener("message", (event) => {
      const { data, timestamp } = event as MessageEvent;
      if (typeof data !== "string") events.message(BINARY_FRAME, timestamp);
      else if (!sink.take(data, timestamp)) events.message(read(data), timestamp);
    });
    socket.addEventListener("error", (event) => {
      failure = (event as ErrorEvent).error;
    });
    socket.addEventListener("close", (event) => {
      const { code } = event as unknown as { code: number };
      const isAnswer = code !== ABNORMAL_CLOSURE || (failure ?? "").includes(HANDSHAKE_REFUSED);
      events.end({ clean: code === NORMAL_CLOSURE, reason: failure ?? `closed with ${code}`, isAnswer });
    });
    return {
      // k6's own WebSocket reads on, whatever its script does.
      pause() {},
      resume() {},
      close() {
        if (isClosing) return;
        isClosing = true;
        // Closing one that still connects would block the virtual user for good: it is closed once it is open.
        if (socket.readyState !== CONNECTING) socket.close();
      },
    };
  };
}
