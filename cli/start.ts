import { rmSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { RunRecord, Transport } from "../record/record.ts";
import { runResults } from "../reports/json.ts";
import { terminalOf } from "../reports/terminal.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { readConfig } from "../run/config.ts";
import { PROFILES, refuseUnknown } from "../run/settings.ts";
import { TEST_NAMES } from "../scenarios/names.ts";
import { type Calibrations, calibrate } from "./calibrate.ts";
import { makeId, readRecord, saveFile } from "./files.ts";
import { INTERRUPTED, MISSED, runK6 } from "./k6.ts";
import { outOption, settingOption } from "./options.ts";
import { NO_PROMETHEUS, type PrometheusOutput, prometheusOutput, requireReceiver } from "./prometheus.ts";
import { type RunningServer, startServer } from "./servers.ts";
import { linkToReport, writeComparison } from "./write-comparison.ts";

interface StartOptions {
  sse?: string;
  ws?: string;
  profile: string;
  release: string;
  only: string;
  out: string;
  prometheus?: string;
  json?: true;
}

/** One side of the comparison: a transport, and the server that it is tested on. */
interface Half {
  transport: Transport;
  /** Given by the user; undefined: a reference server is started. */
  url: string | undefined;
}

/** What a newcomer meets: SSE as the real server fails, WebSocket as it should be. */
const SIMULATED: Record<Transport, string> = { sse: "sse-2025-09", ws: "healthy" };

const program = new Command("npm start --")
  .description(
    "Runs the load tests over SSE and then over WebSocket and compares the two. Without --sse and --ws both halves " +
      "meet a simulated server: SSE one that fails as the real one does, WebSocket a healthy one.",
  )
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
  .addOption(outOption())
  .option(
    "--prometheus <url>",
    "also send the figures there by remote write, e.g. http://localhost:9090; credentials come from K6_PROMETHEUS_RW_*",
  )
  .option(
    "--json",
    "print the results as JSON, grouped as the test plan groups them; all else goes to stderr",
  )
  .allowExcessArguments(false)
  .action(async (options: StartOptions) => {
    process.exitCode = await start(options);
  });

async function start(options: StartOptions): Promise<number> {
  const halves = chosenHalves(options);
  if (options.sse === "" || options.ws === "") throw new Error("the URL after --sse or --ws is empty");
  refuseUnknown(process.env, []);
  for (const half of halves)
    readConfig({ ...process.env, ...settingsOf(half, half.url ?? "http://localhost", options) }, TEST_NAMES);
  const output = options.prometheus === undefined ? NO_PROMETHEUS : prometheusOutput(options.prometheus);
  await requireReceiver(output);
  const { code, records } =
    halves.length === 2 ? await runBoth(halves, options, output) : await runHalves(halves, options, output);
  if (options.json) process.stdout.write(`${JSON.stringify(records.map(runResults), undefined, 1)}\n`);
  return code;
}

interface Ran {
  code: number;
  records: RunRecord[];
}

/** The instrument by itself, then both halves, then their comparison. Without a comparison its directory goes. */
async function runBoth(
  halves: readonly Half[],
  options: StartOptions,
  output: PrometheusOutput,
): Promise<Ran> {
  const directory = join(options.out, makeId(`comparison-${options.release}-${options.profile}`));
  let isCompared = false;
  try {
    terminal(options).write("\n── calibration: what the instrument adds, on a healthy simulated server ──\n");
    const calibrations = await calibrate(join(directory, "calibration"));
    if (calibrations === undefined) return { code: INTERRUPTED, records: [] };
    const { code, records } = await runHalves(halves, options, output);
    if (records.length < halves.length || !hasVerdict(code)) return { code, records };
    compare(directory, records, calibrations, options);
    isCompared = true;
    return { code, records };
  } finally {
    if (!isCompared) rmSync(directory, { recursive: true, force: true });
  }
}

/** One half after the other, up to the first without a verdict. The last one's exit code counts. */
async function runHalves(
  halves: readonly Half[],
  options: StartOptions,
  output: PrometheusOutput,
): Promise<Ran> {
  const records: RunRecord[] = [];
  let code = 0;
  for (const half of halves) {
    const run = await runHalf(half, options, output);
    code = run.code;
    if (run.record !== undefined) records.push(run.record);
    if (!hasVerdict(code)) break;
  }
  return { code, records };
}

/** Whether k6 came to a verdict: no target missed, or some. */
const hasVerdict = (code: number): boolean => code === 0 || code === MISSED;

/** Where a person reads: beside the JSON, if that was asked for. */
const terminal = ({ json }: StartOptions): NodeJS.WriteStream => (json ? process.stderr : process.stdout);

function chosenHalves({ sse, ws }: StartOptions): Half[] {
  const both: Half[] = [
    { transport: "sse", url: sse },
    { transport: "ws", url: ws },
  ];
  const given = both.filter(({ url }) => url !== undefined);
  return given.length === 0 ? both : given;
}

function settingsOf({ transport }: Half, baseUrl: string, { profile, release, only, out }: StartOptions) {
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

async function runHalf(
  half: Half,
  options: StartOptions,
  output: PrometheusOutput,
): Promise<{ code: number; record: RunRecord | undefined }> {
  let server: RunningServer | undefined;
  try {
    if (half.url === undefined) server = await startServer(["--behaviour", SIMULATED[half.transport]]);
    const baseUrl = half.url ?? server?.url ?? "";
    const where = half.url === undefined ? `SIMULATED SERVER ${SIMULATED[half.transport]}` : baseUrl;
    terminal(options).write(`\n── ${TRANSPORT_NAMES[half.transport]} on ${where} ──\n`);
    const settings = settingsOf(half, baseUrl, options);
    const { code, log } = await runK6("suite", settings, terminal(options), output);
    const directory = join(options.out, settings.RUN_ID);
    const record = readRecord(directory);
    if (record !== undefined) saveFile(directory, "k6.log", log);
    return { code, record };
  } finally {
    await server?.stop();
  }
}

function compare(
  directory: string,
  records: readonly RunRecord[],
  calibrations: Calibrations,
  options: StartOptions,
): void {
  const output = terminal(options);
  const sides = records.map((record) => ({
    label: TRANSPORT_NAMES[record.transport],
    records: [record],
    reports: [linkToReport(directory, join(options.out, record.runId))],
    calibration: calibrations[record.transport],
  }));
  const shown = terminalOf(output.isTTY, output.columns, process.env);
  output.write(`${writeComparison(directory, sides, shown).text}`);
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
