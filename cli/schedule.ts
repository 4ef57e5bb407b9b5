import { chmodSync, existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Argument, Command, Option } from "commander";
import { ENVIRONMENT_FILE, filesOf, type Job, KINDS, type Kind, NEEDS } from "../deploy/files.ts";
import { EVERY, type Every, parseCron } from "../deploy/when.ts";
import { TRANSPORTS } from "../record/record.ts";
import { PROFILES, type Profile } from "../run/settings.ts";
import { requireBaselineName } from "./baselines.ts";
import { saveFile } from "./files.ts";
import { requireSettings } from "./halves.ts";
import { daysOption, fail, wholeNumber } from "./options.ts";
import { prometheusOutput } from "./prometheus.ts";

interface ScheduleOptions extends Omit<Job, "cron" | "timeout" | "allowRemote" | "remoteWrite"> {
  every?: Every;
  cron?: string;
  timeout?: number;
  into: string;
}

/** How long both halves may take, in minutes. */
const TIMEOUTS: Record<Profile, number> = { smoke: 30, baseline: 180, stress: 240, endurance: 480 };

/** A bucket of an object store, with a folder or without. */
const PLACE = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w.-]+)*$/;

/** The name of an image: registry and port, folders, tag, digest. */
const IMAGE = /^[\w.-]+(:\d+)?(\/[\w.-]+)*(:[\w.-]+)?(@\w+:[\da-f]+)?$/;

new Command("npm run schedule --")
  .description(
    "Writes what starts the load tests by itself: again and again, never two at once, for a bounded time. What is " +
      "started is npm run scheduled.",
  )
  .addArgument(new Argument("<kind>", "what starts them").choices(KINDS))
  .addOption(new Option("--every <period>", "how often").choices(Object.keys(EVERY)))
  .option("--cron <expression>", 'or when, as five fields, e.g. "17 2 * * *"; in UTC, but for cron itself')
  .option("--sse <url>", "the server whose SSE stream is tested")
  .option("--ws <url>", "the server whose WebSocket stream is tested; with neither, simulated servers are")
  .addOption(new Option("--profile <name>", "how much load").choices(PROFILES).default("smoke"))
  .option("--release <name>", "the name of what is tested", "dev")
  .option("--only <tests>", "tests to run, separated by commas; all when not given", "")
  .option("--out <dir>", "where the results go; seen from the project's directory", "results")
  .option("--prometheus <url>", "also send the figures there")
  .option("--baseline <name>", "the saved baseline that the candidate is held against")
  .addOption(daysOption().default(30))
  .addOption(
    new Option("--timeout <minutes>", "when a run is broken off; by the profile when not given").argParser(
      wholeNumber(1, 1_440),
    ),
  )
  .addOption(
    new Option("--jitter <seconds>", "a run begins later by a random time up to this")
      .argParser(wholeNumber(0, 3_600))
      .default(600),
  )
  .option("--directory <dir>", "where the project is on the machine: for systemd and cron", "")
  .option("--image <name>", "the image made from deploy/Dockerfile: for Kubernetes", "")
  .addOption(
    new Option("--instances <number>", "k6 processes that share a run: for k6-operator")
      .argParser(wholeNumber(1, 1_000))
      .default(4),
  )
  .option(
    "--records <place>",
    "an object store for records, e.g. s3://bucket/folder: for k6-operator, in place of a volume",
  )
  .option("--into <dir>", "where the files are written", "schedule")
  .allowExcessArguments(false)
  .action((kind: Kind, options: ScheduleOptions, command: Command) => {
    if (kind !== "k6-operator" && command.getOptionValueSource("instances") === "cli")
      throw new Error(`--instances is for k6-operator: ${kind} has one process`);
    schedule(kind, options);
  })
  .parseAsync()
  .catch(fail);

function schedule(kind: Kind, options: ScheduleOptions): void {
  const job = jobOf(kind, options);
  for (const [name, content] of Object.entries(filesOf(kind, job))) {
    const path = join(options.into, name);
    const isKept = name === ENVIRONMENT_FILE && existsSync(path);
    if (!isKept) saveFile(options.into, name, content);
    if (name === ENVIRONMENT_FILE) chmodSync(path, 0o600);
    process.stdout.write(`${path}${isKept ? " (kept as it is)" : ""}\n`);
  }
  process.stdout.write("how to install them: docs/schedule.md\n");
}

function jobOf(kind: Kind, { every, cron, into: _, ...options }: ScheduleOptions): Job {
  if ((every === undefined) === (cron === undefined)) {
    throw new Error('when? Give --every or --cron, one of the two, e.g. --every day or --cron "17 2 * * *"');
  }
  requireOneLine(options);
  requireOptions(options);
  requireNeeds(kind, options);
  requirePlace(kind, options);
  const timeout = options.timeout ?? TIMEOUTS[options.profile];
  if (every === "hour" && timeout > 60) {
    throw new Error(
      `a run of the profile ${options.profile} may take ${timeout} minutes: give --every day, or a --timeout of 60 at most`,
    );
  }
  return {
    ...options,
    cron: every === undefined ? parseCron(cron ?? "") : EVERY[every],
    remoteWrite: remoteWriteOf(options.prometheus),
    timeout,
    ...(process.env.ALLOW_REMOTE ? { allowRemote: process.env.ALLOW_REMOTE } : {}),
  };
}

/** What stands in files that others read line by line has no line breaks. */
function requireOneLine(options: object): void {
  const broken = Object.entries(options).find(([, value]) => /\p{Cc}/u.test(String(value)));
  if (broken !== undefined)
    throw new Error(`--${broken[0]} has a line break or another control character in it`);
}

/** Options are refused now, not in the night. */
function requireOptions({ sse, ws, profile, release, only, baseline }: Omit<ScheduleOptions, "into">): void {
  if (baseline !== undefined) requireBaselineName(baseline);
  const { ALLOW_REMOTE } = process.env;
  const urls = { sse, ws };
  for (const transport of TRANSPORTS) {
    const url = urls[transport];
    const settings = { PROFILE: profile, RELEASE: release, ONLY: only, ALLOW_REMOTE };
    requireSettings({ transport, url }, url === undefined ? settings : { ...settings, BASE_URL: url });
  }
}

/** The settings of k6 for a Prometheus, whatever the environment of this command; credentials come from the secret. */
function remoteWriteOf(prometheus: string | undefined): Record<string, string> {
  if (prometheus === undefined) return {};
  return { K6_OUT: "experimental-prometheus-rw", ...prometheusOutput(prometheus, {}).env };
}

function requireNeeds(
  kind: Kind,
  { directory, image, sse, ws }: Pick<Job, "directory" | "image" | "sse" | "ws">,
): void {
  const need = NEEDS[kind];
  if (need === "image" && image === "")
    throw new Error(`${kind} needs --image: the one made from deploy/Dockerfile`);
  if (need === "image" && !IMAGE.test(image)) {
    throw new Error(`--image is "${image}": it must be an image's name such as registry.test/plan-load:1`);
  }
  if (kind === "k6-operator" && sse === undefined && ws === undefined) {
    throw new Error("k6-operator needs --sse or --ws: instances share no simulated server");
  }
  if (need === "directory" && !isAbsolute(directory)) {
    throw new Error(
      `${kind} needs --directory: the absolute path of the project on the machine, such as /opt/plan-load`,
    );
  }
}

function requirePlace(kind: Kind, { records }: Pick<Job, "records">): void {
  if (records === undefined) return;
  if (kind !== "k6-operator")
    throw new Error(`--records is for k6-operator: ${kind} has one process, and its results`);
  if (!PLACE.test(records))
    throw new Error(`--records is "${records}": it must be a place such as s3://bucket/folder`);
}
