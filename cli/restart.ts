import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import * as v from "valibot";

/** What k6 says when it asks for a restart: see run/order.ts. */
const asked = v.object({ transport: v.string(), server: v.string(), after: v.string(), before: v.string() });
type Asked = v.InferOutput<typeof asked>;

/** Where k6 asks for a restart (GATE_URL), until it is closed. */
export interface Restarter {
  url: string;
  close(): void;
}

/**
 * Runs `command` in a shell whenever k6 asks at the URL, and answers when it has ended: with 200 where it ended well. The
 * command is told in PLAN_LOAD_TRANSPORT, PLAN_LOAD_SERVER, PLAN_LOAD_AFTER and PLAN_LOAD_BEFORE what it is for. What it
 * prints goes to stderr.
 */
export async function startRestarter(command: string): Promise<Restarter> {
  const path = `/${randomUUID()}`;
  const http = createServer(async (request, response) => {
    const body = request.method === "POST" && request.url === path ? await read(request) : undefined;
    if (body === undefined) return response.writeHead(404).end();
    const gaveUp = new AbortController();
    response.once("close", () => gaveUp.abort());
    const failure = await run(command, body, gaveUp.signal);
    const status = failure === undefined ? 200 : 500;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(failure === undefined ? { fresh: true } : { detail: failure }));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
}

async function read(request: IncomingMessage): Promise<Asked | undefined> {
  const text = (await request.setEncoding("utf8").toArray()).join("");
  const body = v.safeParse(v.pipe(v.string(), v.parseJson(), asked), text);
  return body.success ? body.output : undefined;
}

/** Runs the command. Resolves to why it did not end well; undefined where it did. */
async function run(command: string, { transport, server, after, before }: Asked, signal: AbortSignal) {
  process.stderr.write(`restarting ${server} before ${before}: ${command}\n`);
  const child = spawn(command, {
    shell: true,
    signal,
    // Of its own group, so that a terminal's interrupt does not end the server that it starts.
    detached: true,
    stdio: ["ignore", process.stderr, process.stderr],
    env: {
      ...process.env,
      PLAN_LOAD_TRANSPORT: transport,
      PLAN_LOAD_SERVER: server,
      PLAN_LOAD_AFTER: after,
      PLAN_LOAD_BEFORE: before,
    },
  });
  // Not until its output is closed: a server that it starts may hold that.
  const code = await once(child, "exit").then(
    ([exit]) => exit as number | null,
    () => null,
  );
  return code === 0 ? undefined : `--restart "${command}" ended with ${code ?? "a signal"}`;
}
