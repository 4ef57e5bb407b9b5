import type { Options } from "k6/options";
import { sleep } from "../../client/time.ts";
import { connector } from "../../client/wire.ts";

export const options: Options = { vus: 1, iterations: 1 };

/** Closes streams while they still connect to a server that never answers: the virtual user must come to its end. */
export default async function closing(): Promise<void> {
  const ends: string[] = [];
  for (const transport of ["sse", "ws"] as const) {
    const connect = connector(transport, __ENV.SILENT_URL ?? "", 60_000);
    const events = { open: () => ends.push(`${transport} opened`), message: () => {}, end: () => {} };
    const wire = connect("plan", events, {});
    await sleep(100);
    wire.close();
    wire.close();
  }
  console.log(`closed both, ${ends.length} opened`);
}
