import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How a connection ends that is broken: with a RST, without a word ever again, or by a FIN from the server's side alone. */
export type Break = "reset" | "black hole" | "half-close";

/** What a network does to what it carries. Nothing given: nothing. */
export interface Network {
  /** Whose connections: those of streams, or all (set-up and tear-down included). */
  to: "streams" | "all";
  /** In each direction; `jitterMs` is the most that is added at random. Bytes stay in their order. */
  latencyMs?: number;
  jitterMs?: number;
  /** What the server says comes in pieces of so many bytes, one each `pieceMs`. */
  pieceBytes?: number;
  pieceMs?: number;
  /**
   * Connections break: those of streams so long after they were made; `to` all: everything does, so long after the first
   * stream was made, or from the start on.
   */
  breaks?: Break;
  afterMs?: number;
}

export interface RunningProxy {
  url: string;
  stop(): Promise<void>;
}

const STREAM = /^GET \S+\/(stream|progress) /;

/** A TCP proxy before the server at `upstream` (a URL), on a free loopback port, with the faults of a network. */
export async function startNetwork(upstream: string, network: Network): Promise<RunningProxy> {
  const port = Number(new URL(upstream).port);
  const links = new Set<Link>();
  const brokenAt = { ms: network.afterMs === undefined ? 0 : Number.POSITIVE_INFINITY };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new Link(client, port, network, brokenAt);
    links.add(link);
    client.once("close", () => links.delete(link));
  });
  const url = await listening(server);
  return {
    url,
    async stop() {
      server.close();
      for (const link of links) link.destroy();
    },
  };
}

/** Has a server listen on a free loopback port. Resolves to its URL. */
export async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

/** One client's connection, and the one to the server that it is carried over. */
class Link {
  private readonly server: Socket;
  private isBroken = false;

  constructor(
    private readonly client: Socket,
    port: number,
    private readonly network: Network,
    private readonly brokenAt: { ms: number },
  ) {
    this.server = tcpConnect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    client.once("data", (head) => this.begin(head));
    client.once("close", () => this.server.destroy());
    client.on("error", () => this.destroy());
    this.server.on("error", () => this.destroy());
  }

  destroy(): void {
    this.client.destroy();
    this.server.destroy();
  }

  /** The first bytes tell what the connection is for. */
  private begin(head: Buffer): void {
    const isStream = STREAM.test(head.toString("latin1"));
    const { to, latencyMs = 0, jitterMs = 0, pieceBytes, pieceMs = 0 } = this.network;
    const isHit = to === "all" || isStream;
    const delay = isHit ? () => latencyMs + Math.random() * jitterMs : () => 0;
    const upward = new Way(this.server, delay);
    const downward = new Way(this.client, delay, isHit ? pieceBytes : undefined, pieceMs);
    this.carry(this.client, upward);
    this.carry(this.server, downward);
    this.scheduleBreak(isStream);
    if (!this.isBroken) upward.send(head);
  }

  private carry(from: Socket, way: Way): void {
    from.on("data", (bytes) => {
      if (!this.isBroken) way.send(bytes);
    });
    from.on("end", () => {
      if (!this.isBroken) way.end();
    });
  }

  private scheduleBreak(isStream: boolean): void {
    const { to, breaks, afterMs = 0 } = this.network;
    if (breaks === undefined) return;
    if (isStream) this.brokenAt.ms = Math.min(this.brokenAt.ms, Date.now() + afterMs);
    if (to === "streams" && isStream) this.breakIn(breaks, afterMs);
    else if (to === "all") this.breakIn(breaks, this.brokenAt.ms - Date.now());
  }

  private breakIn(how: Break, ms: number): void {
    if (ms <= 0) this.break(how);
    else if (ms < Number.POSITIVE_INFINITY) {
      const timer = setTimeout(() => this.break(how), ms);
      this.client.once("close", () => clearTimeout(timer));
    }
  }

  private break(how: Break): void {
    this.isBroken = true;
    if (how === "reset") this.client.resetAndDestroy();
    if (how === "half-close") this.client.end();
  }
}

/** One direction of a connection: what is sent arrives later, in pieces, in its order. */
class Way {
  private readonly queue: { bytes: Buffer; dueAt: number }[] = [];
  private isBusy = false;
  private isEnding = false;

  constructor(
    private readonly to: Socket,
    private readonly delay: () => number,
    private readonly pieceBytes = Number.POSITIVE_INFINITY,
    private readonly pieceMs = 0,
  ) {}

  send(bytes: Buffer): void {
    this.queue.push({ bytes, dueAt: performance.now() + this.delay() });
    void this.deliver();
  }

  end(): void {
    this.isEnding = true;
    void this.deliver();
  }

  private async deliver(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      await waitUntil(next.dueAt);
      await this.write(next.bytes);
    }
    this.isBusy = false;
    if (this.isEnding) this.to.end();
  }

  private async write(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length && !this.to.destroyed; from += this.pieceBytes) {
      if (this.pieceMs > 0) await sleep(this.pieceMs);
      this.to.write(bytes.subarray(from, from + this.pieceBytes));
    }
  }
}

async function waitUntil(dueAt: number): Promise<void> {
  const waitMs = dueAt - performance.now();
  if (waitMs > 0) await sleep(waitMs);
}
