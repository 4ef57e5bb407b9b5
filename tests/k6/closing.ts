import type { Options } from "k6/options";
import { accessTo } from "../../client/access.ts";
import { Ledger } from "../../client/ledger.ts";
import { sleep } from "../../client/time.ts";
import { connector } from "../../client/wire.ts";

export const options: Options = { vus: 1, iterations: 1 };

const CLIENTS = [
  ["sse", "xk6"],
  ["ws", "xk6"],
  ["ws", "k6"],
] as const;

/** Closes streams while they still connect to a server that never answers: the virtual user must come to its end. */
export default async function closing(): Promise<void> {
  const ends: string[] = [];
  for (const [transport, wsClient] of CLIENTS) {
    const connect = connector(transport, accessTo(__ENV.SILENT_URL ?? "", {}), 60_000, wsClient);
    const events = { open: () => ends.push(`${transport} opened`), message: () => {}, end: () => {} };
    const wire = connect("plan", new Ledger(0).join(), events);
    await sleep(100);
    wire.close();
    wire.close();
  }
  console.log(`closed all ${CLIENTS.length}, ${ends.length} opened`);
}
