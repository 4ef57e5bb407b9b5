import { Command } from "commander";
import type { Check } from "../record/check.ts";
import { columns } from "../reports/terminal.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { brokenOffRuns, leftBy } from "./broken-off.ts";
import { examine } from "./examining.ts";
import { chosenHalves, type Half, type HalfOptions, SIMULATED, withHalves } from "./halves.ts";
import { fail } from "./options.ts";
import { startServer } from "./servers.ts";

interface DoctorOptions extends HalfOptions {
  json?: true;
}

withHalves(new Command("npm run doctor --"))
  .description(
    "Looks at everything that npm start with these options needs, and loads nothing: this machine's limits against the " +
      "asked load, k6, the results' directory, the servers. Exits with 1 where something is not as it must be. Runs that " +
      "were killed are named, with what deletes the plans that they left.",
  )
  .option("--json", "print the checks as JSON")
  .allowExcessArguments(false)
  .action(async (options: DoctorOptions) => {
    process.exitCode = await doctor(options);
  })
  .parseAsync()
  .catch(fail);

/** A half with what was found. */
interface Examined {
  transport: Half["transport"];
  server: string;
  checks: Check[];
}

async function doctor(options: DoctorOptions): Promise<number> {
  const found: Examined[] = [];
  for (const half of chosenHalves(options)) found.push(await examineHalf(half, options));
  if (options.json) process.stdout.write(`${JSON.stringify(found, undefined, 1)}\n`);
  else process.stdout.write(found.map(shown).join("\n"));
  const left = brokenOffRuns(options.out).map((record) => leftBy(record, options.out));
  for (const sentence of new Set(left)) process.stderr.write(`${sentence}\n`);
  return found.every(({ checks }) => checks.every(({ isMet }) => isMet)) ? 0 : 1;
}

async function examineHalf(half: Half, options: HalfOptions): Promise<Examined> {
  const { transport, url } = half;
  if (url !== undefined) return { transport, server: url, checks: await examine(half, url, options) };
  const behaviour = SIMULATED[transport];
  const server = await startServer(["--behaviour", behaviour]);
  try {
    const checks = await examine(half, server.url, options);
    return { transport, server: `simulated server ${behaviour}`, checks };
  } finally {
    await server.stop();
  }
}

function shown({ transport, server, checks }: Examined): string {
  const rows = checks.map(({ name, isMet, text }) => [isMet ? "✓" : "✗", name, text]);
  return `${TRANSPORT_NAMES[transport]} on ${server}\n${columns(rows)}\n`;
}
