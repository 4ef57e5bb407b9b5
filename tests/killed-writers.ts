import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleForK6, bundleForNode } from "../bundle.mjs";
import { isTemporary, saveFile } from "../cli/files.ts";
import { k6Binary } from "../cli/k6.ts";
import { readResults } from "../cli/results.ts";
import { realRecord } from "./records.ts";

/** From a writer's first file on: as long as some tens of writes take. */
const LONGEST_MS = 150;
const PATIENCE_MS = 20_000;

const RECORD = `${JSON.stringify(realRecord("met"), undefined, 1)}\n`;

/** The programs that write records: k6, and those of Node. Each takes the directory, and writes until it is killed. */
type Writers = Record<
  string,
  (directory: string) => { program: string; args: string[]; env: NodeJS.ProcessEnv }
>;

/**
 * Kills writers of records at random moments, so many times, one directory each in one directory of results. Resolves to
 * what is not as it must be, in words: a record is whole or absent, what is beside it is known as left behind, and all
 * earlier records are what they were.
 */
export async function killWriters(times: number): Promise<string[]> {
  const base = mkdtempSync(join(tmpdir(), "plan-load-"));
  const out = join(base, "results");
  try {
    const writers = await writersIn(base);
    saveFile(join(out, "earlier"), "run.json", RECORD);
    const wrong: string[] = [];
    for (let time = 1; time <= times; time++) {
      for (const [name, writer] of Object.entries(writers)) {
        const directory = join(out, `${name}-${time}`);
        await killOnce(writer(directory), directory);
        wrong.push(...wrongIn(directory).map((text) => `${name}, ${time} of ${times}: ${text}`));
      }
    }
    return [...wrong, ...wrongAmong(out)];
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

async function writersIn(base: string): Promise<Writers> {
  const record = join(base, "record.json");
  writeFileSync(record, RECORD);
  await bundleForK6(["tests/k6/records.ts"], base);
  await bundleForNode([{ in: "tests/record-writer.ts", out: "record-writer" }], base);
  const common = (directory: string) => ({
    ...process.env,
    RECORD_FILE: record,
    RECORD_DIRECTORY: directory,
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
  });
  return {
    k6: (directory) => ({
      program: k6Binary(),
      args: ["run", "--quiet", "--address", "", join(base, "records.js")],
      env: common(directory),
    }),
    node: (directory) => ({
      program: process.execPath,
      args: [join(base, "record-writer.mjs")],
      env: common(directory),
    }),
  };
}

/** Kills a writer at a random moment after it began to write. */
async function killOnce(
  { program, args, env }: ReturnType<Writers[string]>,
  directory: string,
): Promise<void> {
  const child = spawn(program, args, { env, stdio: "ignore" });
  const closed = once(child, "close");
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (!existsSync(directory) && Date.now() < giveUpAt) await pause(1);
  await pause(Math.random() * LONGEST_MS);
  child.kill("SIGKILL");
  await closed;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function wrongIn(directory: string): string[] {
  if (!existsSync(directory)) return ["it did not begin to write"];
  const others = readdirSync(directory).filter((name) => name !== "run.json" && !isTemporary(name));
  const path = join(directory, "run.json");
  const isWhole = !existsSync(path) || [RECORD, begun(RECORD)].includes(readFileSync(path, "utf8"));
  return [
    ...others.map((name) => `it left ${name}`),
    ...(isWhole ? [] : ["its record is neither whole nor absent"]),
  ];
}

const begun = (record: string): string => record.replace('"complete"', '"running"');

/** What a program that reads results makes of them all: each is a record, or holds none. */
function wrongAmong(out: string): string[] {
  const { unreadable } = readResults(out);
  const earlier = readFileSync(join(out, "earlier", "run.json"), "utf8");
  return [
    ...unreadable
      .filter(({ reason }) => !reason.startsWith("it holds neither"))
      .map(({ name, reason }) => `${name}: ${reason}`),
    ...(earlier === RECORD ? [] : ["an earlier record is not what it was"]),
  ];
}
