import { rmSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { RunRecord } from "../record/record.ts";
import { runResults } from "../reports/json.ts";
import { terminalOf } from "../reports/terminal.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { leftBy } from "./broken-off.ts";
import { type Calibrations, calibrate } from "./calibrate.ts";
import { examine } from "./examining.ts";
import { makeId, readRecord, requireWritable, saveFile } from "./files.ts";
import { chosenHalves, type Half, type HalfOptions, SIMULATED, settingsOf, withHalves } from "./halves.ts";
import { INTERRUPTED, MISSED, REFUSED, runK6 } from "./k6.ts";
import { fail, sentenceOf } from "./options.ts";
import {
  NO_PROMETHEUS,
  notTaken,
  type PrometheusOutput,
  prometheusOutput,
  requireReceiver,
} from "./prometheus.ts";
import { startRestarter } from "./restart.ts";
import { type RunningServer, startServer } from "./servers.ts";
import { linkToReport, writeComparison } from "./write-comparison.ts";

interface StartOptions extends HalfOptions {
  prometheus?: string;
  restart?: string;
  json?: true;
}

const program = withHalves(new Command("npm start --"))
  .description(
    "Runs the load tests over SSE and then over WebSocket and compares the two. Without --sse and --ws both halves " +
      "meet a simulated server: SSE one that fails as the real one does, WebSocket a healthy one.",
  )
  .option(
    "--prometheus <url>",
    "also send the figures there by remote write, e.g. http://localhost:9090; credentials come from K6_PROMETHEUS_RW_*",
  )
  .option(
    "--restart <command>",
    "a shell command that restarts your server, run before every test but the first; it ends when the server is started " +
      "(PLAN_LOAD_TRANSPORT and PLAN_LOAD_SERVER tell it which)",
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
  if (options.restart !== undefined && !halves.every(({ url }) => url !== undefined)) {
    throw new Error("--restart restarts a server of yours: give --sse or --ws, or leave it out");
  }
  const output = options.prometheus === undefined ? NO_PROMETHEUS : prometheusOutput(options.prometheus);
  await requireReceiver(output);
  const wrong = await wrongWith(halves, options);
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`);
  if (wrong.length > 0) return REFUSED;
  const { code, records } =
    halves.length === 2 ? await runBoth(halves, options, output) : await runHalves(halves, options, output);
  if (options.json) process.stdout.write(`${JSON.stringify(records.map(runResults), undefined, 1)}\n`);
  return code;
}

/** What is wrong with the servers that the user gave, or with this machine, in sentences, each once: before any of them is loaded. */
async function wrongWith(halves: readonly Half[], options: StartOptions): Promise<string[]> {
  const wrong = new Set<string>();
  for (const half of halves) {
    if (half.url === undefined) continue;
    const checks = await examine(half, half.url, options);
    for (const { isMet, text } of checks) if (!isMet) wrong.add(text);
  }
  return [...wrong];
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
  requireWritable(directory);
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

/** The exit code where a run came to a verdict, and its record could not be written. */
const UNRECORDED = 1;

/** Whether k6 came to a verdict: no target missed, or some. */
const hasVerdict = (code: number): boolean => code === 0 || code === MISSED;

/** Where a person reads: beside the JSON, if that was asked for. */
const terminal = ({ json }: StartOptions): NodeJS.WriteStream => (json ? process.stderr : process.stdout);

async function runHalf(
  half: Half,
  options: StartOptions,
  output: PrometheusOutput,
): Promise<{ code: number; record: RunRecord | undefined }> {
  let server: RunningServer | undefined;
  const restarter = options.restart === undefined ? undefined : await startRestarter(options.restart);
  try {
    if (half.url === undefined) server = await startServer(["--behaviour", SIMULATED[half.transport]]);
    const baseUrl = half.url ?? server?.url ?? "";
    const where = half.url === undefined ? `SIMULATED SERVER ${SIMULATED[half.transport]}` : baseUrl;
    terminal(options).write(`\n── ${TRANSPORT_NAMES[half.transport]} on ${where} ──\n`);
    const gate = restarter === undefined ? {} : { GATE_URL: restarter.url };
    const settings = { ...settingsOf(half, baseUrl, options), ...gate };
    const { code, log } = await runK6("suite", settings, terminal(options), output);
    const directory = join(options.out, settings.RUN_ID);
    const record = readRecord(directory);
    if (record !== undefined) saveLog(directory, log);
    const lost = notTaken(settings.RUN_ID, log);
    if (lost !== undefined) process.stderr.write(`${lost}\n`);
    if (record?.state !== "running") return { code, record };
    process.stderr.write(`${whyUnrecorded(code, half, record, options)}\n`);
    return { code: hasVerdict(code) ? UNRECORDED : code, record: undefined };
  } finally {
    restarter?.close();
    await server?.stop();
  }
}

/** Why the record of a run that ended says that it runs: what it holds is no measurement. */
function whyUnrecorded(code: number, { url }: Half, record: RunRecord, { out }: StartOptions): string {
  if (hasVerdict(code)) return `the record of ${record.runId} could not be written, so nothing is compared`;
  return url === undefined ? `${record.runId} ended without a record of its end` : leftBy(record, out);
}

/** The log is no reason to lose a verdict. */
function saveLog(directory: string, log: string): void {
  try {
    saveFile(directory, "k6.log", log);
  } catch (error) {
    process.stderr.write(`k6.log is not kept: ${sentenceOf(error)}\n`);
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

program.parseAsync().catch(fail);
