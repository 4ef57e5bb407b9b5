import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { AdminCounts } from "./admin.ts";
import type { PlanJson } from "./plans.ts";
import { createReferenceServer, type ServerOptions } from "./server.ts";

/** A server for one test, and a client of its API. */
export interface TestServer {
  readonly port: number;
  readonly url: string;
  /** The JSON of a 200 answer; any other fails the test. */
  json<T>(path: string): Promise<T>;
  /** Creates a plan whose prompt is the directive. */
  create(directive: string): Promise<string>;
  plan(id: string): Promise<PlanJson>;
  counts(): Promise<AdminCounts>;
  remove(id: string): Promise<number>;
  /** The value of one of the figures of the process. */
  metric(name: string): Promise<number>;
  sse(id: string): Promise<SseClient>;
  ws(id: string): Promise<WsClient>;
  stop(): Promise<void>;
}

/** Starts a server on a free port; it stops when the test ends. */
export async function testServer(
  test: Pick<TestContext, "after">,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const server = createReferenceServer({ ...options, port: 0 });
  const port = await server.start();
  test.after(() => server.stop());
  const url = `http://127.0.0.1:${port}`;
  const json = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(url + path, init);
    assert.equal(response.status, 200);
    return (await response.json()) as T;
  };
  const create = async (prompt: string) => {
    const body = JSON.stringify({ prompt, llm_model: "simulated-fast" });
    return (await json<PlanJson>("/api/plans", { method: "POST", body })).plan_id;
  };
  return {
    port,
    url,
    json,
    create,
    plan: (id) => json(`/api/plans/${id}`),
    counts: () => json("/admin/counts"),
    remove: async (id) => (await fetch(`${url}/api/plans/${id}`, { method: "DELETE" })).status,
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    },
    sse: (id) => SseClient.open(`${url}/api/plans/${id}/stream`),
    ws: (id) => WsClient.open(`ws://127.0.0.1:${port}/ws/plans/${id}/progress`),
    stop: () => server.stop(),
  };
}

/** Waits for what can only be asked for, again and again. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await sleep(5);
  }
}

/** The middle one of some values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** How many ms ago a message was stamped. */
export function ageOf(message: MessageIdentity): number {
  return Date.now() - Date.parse(`${message.slice(0, 23)}Z`);
}

/** Lets a test wait for what a client has received. */
class Inbox {
  #waiting: { readonly ready: () => boolean; readonly resolve: () => void }[] = [];

  check(): void {
    const ready = this.#waiting.filter((waiter) => waiter.ready());
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) {
      resolve();
    }
  }

  until(ready: () => boolean): Promise<void> {
    if (ready()) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push({ ready, resolve });
    });
  }
}

/** A message's identity: its timestamp and text. */
export type MessageIdentity = string;

/** A client that keeps the raw text of an SSE stream. */
export class SseClient {
  readonly response: IncomingMessage;
  /** Everything received. */
  text = "";
  /** Fulfilled when the server has ended the stream. */
  readonly ended: Promise<unknown>;
  #inbox = new Inbox();

  static async open(url: string): Promise<SseClient> {
    const request = get(url, { agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return new SseClient(response);
  }

  private constructor(response: IncomingMessage) {
    this.response = response;
    this.ended = once(response, "end");
    this.ended.catch(() => {});
    response.setEncoding("utf8").on("data", (chunk: string) => {
      this.text += chunk;
      this.#inbox.check();
    });
    response.on("error", () => {});
  }

  /** Waits until so many log messages have come. */
  messages(count: number): Promise<void> {
    return this.#inbox.until(() => this.log().length >= count);
  }

  /** Waits for one ping more than have come. */
  nextPing(): Promise<void> {
    const before = this.#pings();
    return this.#inbox.until(() => this.#pings() > before);
  }

  #pings(): number {
    return this.text.split(": ping").length;
  }

  /** The log messages received. */
  log(): MessageIdentity[] {
    return [...this.text.matchAll(/data: (\{"type":"log".*\})\r\n/g)].map((match) =>
      identity(match[1] ?? ""),
    );
  }

  /** What was received besides log messages, the JSON of each event or its text. */
  others(): string[] {
    const data = [...this.text.matchAll(/^data: (.*)\r\n/gm)].map((match) => match[1] ?? "");
    return data.filter((text) => !text.startsWith('{"type":"log"'));
  }

  leave(): void {
    this.response.destroy();
  }
}

function identity(json: string): MessageIdentity {
  const { message, timestamp } = JSON.parse(json) as { message: string; timestamp: string };
  return `${timestamp} ${message}`;
}

interface Frame {
  readonly type: string;
  readonly status?: string;
  readonly [name: string]: unknown;
}

/** A client that keeps the frames of a WebSocket. */
export class WsClient {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  /** The close code, once it is closed. */
  readonly closed: Promise<number>;
  #log: MessageIdentity[] = [];
  #inbox = new Inbox();

  /** Opens a WebSocket; an HTTP refusal rejects with an Error that names the status. */
  static async open(url: string): Promise<WsClient> {
    const client = new WsClient(new WebSocket(url));
    await once(client.socket, "open");
    return client;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", resolve);
    });
    socket.on("message", (data) => this.#keep(String(data)));
  }

  #keep(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.frames.push(frame);
    if (frame.type === "log") {
      this.#log.push(identity(text));
    }
    this.#inbox.check();
  }

  /** Waits until so many log messages have come. */
  messages(count: number): Promise<void> {
    return this.#inbox.until(() => this.#log.length >= count);
  }

  /** Waits until a frame of this type or status, as in `others`, has come. */
  until(name: string): Promise<void> {
    return this.#inbox.until(() => this.others().includes(name));
  }

  /** Waits until so many frames have come. */
  receives(count: number): Promise<void> {
    return this.#inbox.until(() => this.frames.length >= count);
  }

  /** Waits until nothing has come for so many milliseconds. */
  async silentFor(ms: number): Promise<void> {
    for (let before = -1; before < this.frames.length; ) {
      before = this.frames.length;
      await sleep(ms);
    }
  }

  /** Waits until everything that the server has sent so far must have come. */
  async settled(): Promise<void> {
    this.socket.ping();
    await once(this.socket, "pong");
  }

  /** The log messages received. */
  log(): MessageIdentity[] {
    return this.#log;
  }

  /** What was received besides log messages: the status of each frame that has one, else its type. */
  others(): string[] {
    const frames = this.frames.filter(({ type }) => type !== "log");
    return frames.map(({ type, status }) => (type === "status" ? `status ${status}` : type));
  }
}
