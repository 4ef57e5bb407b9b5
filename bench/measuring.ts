import { TRANSPORTS, type Transport } from "../record/record.ts";
import type { Figure } from "./figures.ts";
import { type Client, goClient, k6Client } from "./processes.ts";

/** How large the benchmark is, and where its source listens. */
export interface Bench {
  url: string;
  rounds: number;
  /** In a few minutes: shows that all of it works, and roughly how fast. */
  quick: boolean;
}

/** Measures something over one transport. */
export type Measuring = (bench: Bench, over: Transport) => Promise<Figure[]>;

export const KIB = 1_024;
export const MIB = 1_024 * KIB;

/** Plain Go: counts messages, or accounts for each as we do. */
export const goReader = goClient();
export const goAccount = goClient("--account");
export const GO_ACCOUNT = "Go, encoding/json";
/** The way of a load test: connector, stream, ledger, meter. */
export const accounted = k6Client("account");
/** Our streams as far as the message, which nobody takes. */
export const wired = k6Client("wire");
/** As a script opens streams that knows nothing of this project. */
export const bare = k6Client("empty");
/** The same with k6's own WebSocket. */
export const k6WebSocket = k6Client("empty-k6");

/** Over one transport after the other; or over both at once, where neither disturbs the other. */
export const overBoth =
  (measuring: Measuring, { atOnce = false } = {}) =>
  async (bench: Bench): Promise<Figure[]> => {
    if (atOnce) return (await Promise.all(TRANSPORTS.map((over) => measuring(bench, over)))).flat();
    const figures: Figure[] = [];
    for (const over of TRANSPORTS) figures.push(...(await measuring(bench, over)));
    return figures;
  };

/** Measures clients by turns, so that what disturbs the machine disturbs all. Resolves to a list of values a client. */
export async function byTurns<Value>(
  rounds: number,
  clients: readonly Client[],
  value: (client: Client) => Promise<Value>,
): Promise<Value[][]> {
  const values = clients.map((): Value[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, client] of clients.entries()) values[i]?.push(await value(client));
  }
  return values;
}

/** Ours and its peers by turns, as a figure shows them. */
export async function compared(
  rounds: number,
  ours: Client,
  peers: Record<string, Client>,
  value: (client: Client) => Promise<number>,
): Promise<Pick<Figure, "ours" | "peers">> {
  const [own = [], ...others] = await byTurns(rounds, [ours, ...Object.values(peers)], value);
  return {
    ours: own,
    peers: Object.keys(peers).map((name, i) => ({ name, values: others[i] ?? [] })),
  };
}
