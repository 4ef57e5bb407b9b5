import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleForK6 } from "../bundle.mjs";
import { k6Binary } from "../cli/k6.ts";
import { startServer } from "../cli/servers.ts";
import type { RunRecord, Transport } from "../record/record.ts";
import { onlyRecord, run } from "./harness.ts";

/** Streams of each plan. */
const CLIENTS = 200;
/** What k6 may hold for each stream, its share of the virtual user included. See docs/scale.md. */
const MOST_KIB_A_STREAM = 200;
/** What k6 holds without any. */
const BASE_KIB = 300 * 1_024;

export interface ManyStreams {
  transport: Transport;
  /** A multiple of 200, which is how many a plan has. */
  streams: number;
  /** How many messages each receives, one a second. */
  seconds: number;
}

/**
 * Holds many streams at once in one k6, from several loopback addresses, against a reference server. Resolves to what is
 * not accounted for, in words: every stream is open, ends as it should, and has received every message.
 */
export async function manyStreams({ transport, streams, seconds }: ManyStreams): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const server = await startServer([]);
  try {
    await bundleForK6(["tests/k6/many-streams.ts"], directory);
    const settings = {
      BASE_URL: server.url,
      TRANSPORT: transport,
      PROFILE: "stress",
      OUT_DIR: join(directory, "results"),
    };
    // Not settings of ours: the script's own.
    const amounts = {
      MANY_USERS: String(streams / CLIENTS),
      MANY_CLIENTS: String(CLIENTS),
      MANY_SECONDS: String(seconds),
    };
    const variables = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const addresses = ["--local-ips", "127.0.0.2-127.0.0.5"];
    const script = join(directory, "many-streams.js");
    const k6 = ["run", "--quiet", "--address", "", ...addresses, ...variables, script];
    const { stdout } = await run(k6Binary(), k6, amounts).finished;
    console.log(stdout.trim());
    return unaccounted(onlyRecord(settings.OUT_DIR), { transport, streams, seconds });
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function unaccounted({ tests, samples }: RunRecord, { transport, streams, seconds }: ManyStreams): string[] {
  const { counts = {} } = tests[0]?.tally ?? {};
  const messages = streams * seconds;
  const expected = {
    attempts: streams,
    usable: streams,
    "outcome:completed": streams,
    received: messages,
    duplicates: 0,
    reordered: 0,
  };
  const wrong = Object.entries(expected)
    .filter(([name, n]) => counts[name] !== n)
    .map(([name, n]) => `${name} is ${counts[name]}, expected ${n}`);
  if (counts.delivered !== counts.due) wrong.push(`${counts.delivered} of ${counts.due} due were delivered`);
  const kib = Math.max(...samples.kept.map(({ k6ResidentBytes }) => (k6ResidentBytes ?? 0) / 1_024));
  const most = BASE_KIB + streams * MOST_KIB_A_STREAM;
  if (kib > most) wrong.push(`k6 held ${Math.round(kib)} KiB, at most ${most} are allowed`);
  return wrong.map((text) => `${streams} streams over ${transport}: ${text}`);
}
