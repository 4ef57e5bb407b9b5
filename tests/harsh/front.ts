import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { listening, type RunningProxy } from "./network.ts";

/** An answer that stands in for the server's. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** What a stream says in place of a message: text, or bytes that need not be text. `binary`: a WebSocket's binary frame. */
export interface Said {
  data: string | Buffer;
  binary?: boolean;
}

/** What a front does that the server behind it would not. */
export interface Tampering {
  /** Answers a request, that for a stream included; undefined: the server does. */
  answer?(method: string, path: string): Answer | undefined;
  /** What a stream says in place of log message `number` (from 0), given as its JSON. */
  say?(message: LogMessage, number: number): readonly Said[];
}

export interface LogMessage {
  type: "log";
  message: string;
  timestamp: string;
}

/** The plan API as the server at `upstream` (a URL) has it, but for what is tampered with. */
export async function startFront(upstream: string, { answer, say }: Tampering): Promise<RunningProxy> {
  const answered = ({ method = "", url = "" }: IncomingMessage) => answer?.(method, url);
  const server = createServer((request, response) => {
    const instead = answered(request);
    if (instead === undefined) forward(upstream, request, response, say);
    else response.writeHead(instead.status, instead.headers).end(instead.body);
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const instead = answered(request);
    if (instead !== undefined) return refuse(socket, instead);
    const source = new WebSocket(`${upstream.replace("http", "ws")}${request.url}`);
    source.once("unexpected-response", (_, { statusCode = 502 }) =>
      refuse(socket, { status: statusCode, body: "" }),
    );
    source.on("error", () => socket.destroy());
    source.once("open", () =>
      sockets.handleUpgrade(request, socket, head, (client) => relay(source, client, socket, say)),
    );
  });
  const url = await listening(server);
  return {
    url,
    async stop() {
      server.close().closeAllConnections();
      for (const client of sockets.clients) client.terminate();
    },
  };
}

function refuse(socket: Duplex, { status, headers = {}, body }: Answer): void {
  const all = { ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join("")}\r\n${body}`);
}

/** Passes the frames of a WebSocket on to a client, whose socket it is; what is said together is written together. */
function relay(source: WebSocket, client: WebSocket, socket: Duplex, say: Tampering["say"]): void {
  const number = counter();
  source.on("message", (data) => {
    socket.cork();
    for (const said of tampered(String(data), number, say)) {
      client.send(said.data, { binary: said.binary ?? false });
    }
    socket.uncork();
  });
  source.once("close", () => client.close(1000));
  client.on("error", () => client.terminate());
  client.once("close", () => source.terminate());
}

function forward(
  upstream: string,
  request: IncomingMessage,
  response: ServerResponse,
  say: Tampering["say"],
): void {
  const { method, headers } = request;
  const onward = httpRequest(`${upstream}${request.url}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
    const isStream = answer.headers["content-type"]?.startsWith("text/event-stream");
    if (isStream && say !== undefined) rewrite(answer, response, say);
    else answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.once("close", () => onward.destroy());
  request.pipe(onward);
}

/** Passes an event stream on, event by event. */
function rewrite(answer: IncomingMessage, response: ServerResponse, say: Tampering["say"]): void {
  const number = counter();
  let rest = "";
  answer.setEncoding("utf8").on("data", (text: string) => {
    const blocks = `${rest}${text}`.split("\r\n\r\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = /^event: task_update\r\ndata: (.*)$/.exec(block)?.[1];
      if (data === undefined) response.write(`${block}\r\n\r\n`);
      else response.write(Buffer.concat(tampered(data, number, say).flatMap(eventOf)));
    }
  });
  answer.once("end", () => response.end());
}

const eventOf = ({ data }: Said): Buffer[] => [
  Buffer.from("event: task_update\r\ndata: "),
  Buffer.from(data),
  Buffer.from("\r\n\r\n"),
];

function counter(): () => number {
  let next = 0;
  return () => next++;
}

/** What is said in place of what the server said: only its log is tampered with. */
function tampered(text: string, number: () => number, say: Tampering["say"]): readonly Said[] {
  const message = JSON.parse(text) as LogMessage;
  return say === undefined || message.type !== "log" ? [{ data: text }] : say(message, number());
}
