import type { Command } from "commander";
import type { Transport } from "../record/record.ts";
import { readConfig } from "../run/config.ts";
import { PROFILES, refuseUnknown } from "../run/settings.ts";
import { TEST_NAMES } from "../scenarios/names.ts";
import { makeId } from "./files.ts";
import { outOption, sentenceOf, settingOption } from "./options.ts";

/** What is asked of both sides. */
export interface HalfOptions {
  sse?: string;
  ws?: string;
  profile: string;
  release: string;
  only: string;
  out: string;
}

/** One side of the comparison: a transport, and the server that it is tested on. */
export interface Half {
  transport: Transport;
  /** Given by the user; undefined: a reference server is started. */
  url: string | undefined;
}

/** What a newcomer meets: SSE as the real server fails, WebSocket as it should be. */
export const SIMULATED: Record<Transport, string> = { sse: "sse-2025-09", ws: "healthy" };

/** The options that say what both sides are. */
export const withHalves = (program: Command): Command =>
  program
    .option("--sse <url>", "the server whose SSE stream is tested, e.g. http://localhost:8080")
    .option(
      "--ws <url>",
      "the server whose WebSocket stream is tested; with one of the two, that half alone runs",
    )
    .addOption(settingOption("--profile <name>", "PROFILE", "how much load").choices(PROFILES))
    .addOption(settingOption("--release <name>", "RELEASE", "the name of what is tested"))
    .addOption(
      settingOption(
        "--only <tests>",
        "ONLY",
        `tests to run, separated by commas (${TEST_NAMES.join(", ")}); all when not given`,
      ),
    )
    .addOption(outOption());

/**
 * The halves that the options choose, SSE first.
 * @throws Error with one sentence where a setting of theirs is wrong
 */
export function chosenHalves(options: HalfOptions): Half[] {
  const { sse, ws } = options;
  if (sse === "" || ws === "") throw new Error("the URL after --sse or --ws is empty");
  const both: Half[] = [
    { transport: "sse", url: sse },
    { transport: "ws", url: ws },
  ];
  const given = both.filter(({ url }) => url !== undefined);
  const halves = given.length === 0 ? both : given;
  refuseUnknown(process.env, []);
  for (const half of halves)
    requireSettings(half, {
      ...process.env,
      ...settingsOf(half, half.url ?? "http://localhost", options),
    });
  return halves;
}

/** @throws Error with one sentence in the words of the options, where a setting is wrong */
export function requireSettings(half: Half, settings: Record<string, string | undefined>): void {
  try {
    readConfig(settings, TEST_NAMES);
  } catch (error) {
    throw new Error(asGiven(half, sentenceOf(error)));
  }
}

/** A sentence about settings, with the option that the user gave in their place. */
export const asGiven = ({ transport, url }: Half, sentence: string): string =>
  url === undefined
    ? sentence
    : sentence
        .replace(/\bBASE_URL\b/g, `--${transport}`)
        .replace(/\bTRANSPORT=(sse|ws)\b/g, "--$1")
        .replace(/\bOUT_DIR\b/g, "--out");

/** The settings of a half's run, whose id is made here. */
export function settingsOf(
  { transport }: Half,
  baseUrl: string,
  { profile, release, only, out }: HalfOptions,
) {
  return {
    ALLOW_REMOTE: process.env.ALLOW_REMOTE ?? "",
    BASE_URL: baseUrl,
    TRANSPORT: transport,
    PROFILE: profile,
    RELEASE: release,
    ONLY: only,
    OUT_DIR: out,
    RUN_ID: makeId(`suite-${release}-${transport}-${profile}`),
  };
}
