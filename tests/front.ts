import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Server } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";

/** What a front does with a request itself; true where it did. All else goes to the server behind. */
export interface Front {
  answer?(request: IncomingMessage, response: ServerResponse): boolean;
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** The body of an answer of the server behind, as it is handed on; undefined: as it came. */
  rewrite?(request: IncomingMessage, body: string): string | undefined;
}

/** Listens on a free loopback port until the test is over. Resolves to the port. */
export async function listen(t: Pick<TestContext, "after">, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A server in front of the one at `url`. Resolves to its own URL. */
export async function front(t: Pick<TestContext, "after">, url: string, own: Front): Promise<string> {
  const { port } = new URL(url);
  const server = createServer((incoming, response) => {
    if (own.answer?.(incoming, response)) return;
    const { method, url: path, headers } = incoming;
    const forwarded = request({ port, method, path, headers, agent: false }, (answer) =>
      handOn(incoming, answer, response, own),
    );
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  server.on("upgrade", (incoming, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (!own.upgrade?.(incoming, socket, head)) tunnel(Number(port), incoming, socket, head);
  });
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${await listen(t, server)}`;
}

async function handOn(
  incoming: IncomingMessage,
  answer: IncomingMessage,
  response: ServerResponse,
  { rewrite }: Front,
): Promise<void> {
  const isJson = /json/.test(answer.headers["content-type"] ?? "");
  if (rewrite === undefined || !isJson) {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
    return;
  }
  const body = (await answer.setEncoding("utf8").toArray()).join("");
  const { "content-length": _, ...headers } = answer.headers;
  response.writeHead(answer.statusCode ?? 0, headers).end(rewrite(incoming, body) ?? body);
}

function tunnel(
  port: number,
  { method, url, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const behind = connect(port, "127.0.0.1", () => {
    const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    behind.write(`${method} ${url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    behind.write(head);
    socket.pipe(behind).pipe(socket);
  });
  behind.on("error", () => socket.destroy());
  socket.on("close", () => behind.destroy());
  behind.on("close", () => socket.destroy());
}
