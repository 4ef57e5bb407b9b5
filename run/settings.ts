import { closest, distance } from "fastest-levenshtein";
import { BESIDE_RUNS } from "../record/directory.ts";
import { TRANSPORTS, WS_CLIENTS } from "../record/record.ts";

export const PROFILES = ["smoke", "baseline", "stress", "endurance"] as const;
/**
 * How much load: `smoke` the same behaviours in seconds, `baseline` the numbers of the test plan, `stress` several
 * times those, `endurance` hours.
 */
export type Profile = (typeof PROFILES)[number];

/** Who started a run: a person, or a schedule. */
export const TRIGGERS = ["manual", "schedule"] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** How the webhook of a scheduled job is told. */
export const NOTIFY_FORMATS = ["json", "slack"] as const;

/** What a setting may be. */
export interface Form<T> {
  /** For a person: after "allowed are", or after "it must be" where it is a sentence's end. */
  readonly allowed: string;
  readonly isList?: true;
  /** Reads a value; undefined where it is none of those. */
  read(text: string): T | undefined;
}

/* @__NO_SIDE_EFFECTS__ */
const oneOf = <T extends string>(values: readonly T[]): Form<T> => ({
  allowed: values.join(", "),
  isList: true,
  read: (text) => values.find((value) => value === text),
});

/* @__NO_SIDE_EFFECTS__ */
const plainName = (most: number): Form<string> => ({
  allowed: `1 to ${most} letters, digits, dots, hyphens and underscores`,
  isList: true,
  read: (text) =>
    new RegExp(`^[A-Za-z0-9._-]{1,${most}}$`).test(text) && !/^\.+$/.test(text) ? text : undefined,
});

const anyName = plainName(200);
const runName: Form<string> = {
  ...anyName,
  allowed: `${anyName.allowed}, but not ${BESIDE_RUNS.join(", ")}`,
  read: (text) => (BESIDE_RUNS.includes(text.toLowerCase()) ? undefined : anyName.read(text)),
};

/* @__NO_SIDE_EFFECTS__ */
const wholeNumber = (least: number, most: number): Form<number> => ({
  allowed: `a whole number from ${least} to ${most}`,
  read: (text) => (/^\d{1,9}$/.test(text) && +text >= least && +text <= most ? Number(text) : undefined),
});

/* @__NO_SIDE_EFFECTS__ */
const matching = (pattern: RegExp, allowed: string): Form<string> => ({
  allowed,
  read: (text) => (pattern.test(text) ? text : undefined),
});

/* @__NO_SIDE_EFFECTS__ */
const anything = (allowed: string): Form<string> => ({ allowed, read: (text) => text });

const URL_PATTERN = /^https?:\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?(\/[^?#\s]*)?$/i;
const LAST_PORT = 65_535;
const url: Form<string> = {
  allowed: "a URL such as http://localhost:8080",
  read(text) {
    const { host, port = "1" } = partsOfUrl(text);
    return host !== undefined && +port >= 1 && +port <= LAST_PORT ? text : undefined;
  },
};

/** The host and the port in a URL of that form; undefined where it has none. */
export function partsOfUrl(text: string): { host: string | undefined; port: string | undefined } {
  const [, host, port] = URL_PATTERN.exec(text) ?? [];
  return { host, port: port?.slice(1) };
}

/** An environment variable that is a setting. */
export interface Setting<T = unknown> {
  /** What it is when not given; "": nothing, or found out. */
  readonly default: string;
  readonly form: Form<T>;
  /** The option of npm start, and of other commands, that sets it. */
  readonly option?: string;
  /** Shown to nobody, and taken from the environment only: every user of a machine can read its command lines. */
  readonly isSecret?: true;
}

/**
 * The settings of a run, which k6 reads. Parsing, the suggestions for misspelt names and docs/settings.md come from this
 * table.
 */
export const SETTINGS = {
  BASE_URL: {
    default: "http://localhost:8080",
    form: url,
    option: "--sse, --ws",
  },
  TRANSPORT: {
    default: "sse",
    form: oneOf(TRANSPORTS),
    option: "--sse, --ws",
  },
  PROFILE: {
    default: "smoke",
    form: oneOf(PROFILES),
    option: "--profile",
  },
  RELEASE: {
    default: "dev",
    form: plainName(64),
    option: "--release",
  },
  ONLY: {
    default: "",
    form: anything("names of tests, separated by commas"),
    option: "--only",
  },
  OUT_DIR: {
    default: "results",
    form: anything("a directory"),
    option: "--out",
  },
  RUN_ID: {
    default: "",
    form: runName,
  },
  WS_CLIENT: {
    default: "xk6",
    form: oneOf(WS_CLIENTS),
  },
  LLM_MODEL: {
    default: "",
    form: anything("a model of the server"),
  },
  SERVER_METRICS_URL: {
    default: "",
    form: url,
  },
  RECOVERY_SECONDS: {
    default: "",
    form: wholeNumber(1, 3_600),
  },
  GATE_URL: {
    default: "",
    form: url,
    option: "--restart",
  },
  TRIGGER: {
    default: "manual",
    form: oneOf(TRIGGERS),
  },
  SEED: {
    default: "1",
    form: wholeNumber(0, 999_999_999),
  },
  ALLOW_REMOTE: {
    default: "",
    form: anything("a host"),
  },
  API_TOKEN: {
    default: "",
    form: matching(/^[\w.~+/-]*=*$/, "a token as it stands after Bearer, without spaces"),
    isSecret: true,
  },
  API_HEADERS: {
    default: "",
    form: anything('headers such as "X-Api-Key: abc", separated by | where there are several'),
    isSecret: true,
  },
} as const satisfies Record<string, Setting>;
export type SettingName = keyof typeof SETTINGS;

/** What each is for, in Markdown: for the page, and not in the bundle that every virtual user holds. */
export const ABOUT: Readonly<Record<SettingName, string>> = {
  BASE_URL: "The plan server, without credentials. A host that is not this machine needs `ALLOW_REMOTE`.",
  TRANSPORT: "Which of the server's streams is tested.",
  PROFILE: "How much load.",
  RELEASE: "The name of what is tested.",
  ONLY: "The tests that `suite` runs; all when not given.",
  OUT_DIR: "Where the run's directory is made.",
  RUN_ID:
    "The run's id, which names its directory; made anew when not given. An id is used once, by all instances of a shared run: [scale.md](scale.md).",
  WS_CLIENT:
    "`xk6`: the WebSocket of our extension, which costs what its SSE client costs; `k6`: k6's own, as a cross-check.",
  LLM_MODEL: "The model that plans are created with; the first of `GET /api/models` when not given.",
  SERVER_METRICS_URL:
    "Where the server's process tells of itself in Prometheus text, e.g. `http://localhost:9101/metrics`, which `npm run watch` serves. When not given: `BASE_URL`'s `/metrics`, or the process that listens on that port of this machine.",
  RECOVERY_SECONDS:
    "How long the server may take to recover from a test before the later ones are given up; 60 in profile smoke, else 180, when not given: [suite.md](suite.md).",
  GATE_URL:
    "Asked with `POST` before every test of the suite but the first, which begins once it has answered 200: who answers there may restart the server. [suite.md](suite.md).",
  TRIGGER: "Who started the run. Alerts look at scheduled runs only: [dashboards.md](dashboards.md).",
  SEED: "The seed of all random choices, so that two runs make the same.",
  ALLOW_REMOTE: "The very host in `BASE_URL` that may be loaded: a name or an address, without a port.",
  API_TOKEN: "Sent as `Authorization: Bearer …` with every request to the plan server, streams included.",
  API_HEADERS: "More headers of every request.",
};

/** What the commands around k6 read of the environment. */
export const COMMAND_VARIABLES: Readonly<Record<string, Setting & { about: string }>> = {
  K6_BIN: {
    default: "bin/k6",
    form: anything("a program"),
    about: "Another k6, for every command that starts one; it must contain xk6-sse.",
  },
  NOTIFY_URL: {
    default: "",
    form: url,
    about: "The webhook that a scheduled job tells its result: [schedule.md](schedule.md).",
  },
  NOTIFY_FORMAT: { default: "json", form: oneOf(NOTIFY_FORMATS), about: "How the webhook is told." },
  REPORTS_URL: {
    default: "",
    form: url,
    about: "Where `results/` is served, for the links in a notification.",
  },
  NO_COLOR: {
    default: "",
    form: anything("anything"),
    about: "Keeps colours out of terminals; in logs there are none.",
  },
  KUBERNETES_API: {
    default: "https://kubernetes.default.svc",
    form: url,
    about: "The cluster in which the job of `npm run schedule -- k6-operator` starts its TestRuns.",
  },
  SERVICE_ACCOUNT_DIR: {
    default: "/var/run/secrets/kubernetes.io/serviceaccount",
    form: anything("a directory"),
    about: "Where that job finds its token and namespace.",
  },
  RECORDS: {
    default: "",
    form: anything("a place of rclone's"),
    about: "The object store through which the records of a distributed run go: [scale.md](scale.md).",
  },
};

const NAMES = Object.keys(SETTINGS) as SettingName[];
/** What the script reads. */
const KNOWN: readonly string[] = [...NAMES, "NO_COLOR"];

/** The settings of a run as text, with what they are when not given. */
export const DEFAULTS = Object.fromEntries(NAMES.map((name) => [name, SETTINGS[name].default])) as Readonly<
  Record<SettingName, string>
>;

export const isSetting = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);
export const isSecret = (name: string): boolean => isSetting(name) && "isSecret" in SETTINGS[name];

/** An environment as it was given. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Refuses names that are none of ours and were meant to be. Who writes `-e NAME=value` speaks to the script, which knows
 * its settings and no others. The rest of the environment is mostly other programs': there only a slip of the pen is
 * one of ours.
 * @throws Error with one sentence that names the nearest setting
 */
export function refuseUnknown(env: Environment, given: readonly string[]): void {
  const stranger = given.find((name) => !KNOWN.includes(name) && !name.startsWith("K6_"));
  if (stranger !== undefined) throw new Error(unknown(stranger, closest(stranger.toUpperCase(), NAMES)));
  for (const name of Object.keys(env)) {
    const meant = env[name] && !KNOWN.includes(name) ? NAMES.find((one) => isSlip(name, one)) : undefined;
    if (meant !== undefined && !env[meant]) throw new Error(unknown(name, meant));
  }
}

const unknown = (name: string, meant: string): string =>
  `there is no setting ${name}: the nearest is ${meant}, and docs/settings.md lists all`;

/** A shorter name is too near to other words. */
const SHORTEST = 6;

/** Two neighbouring letters exchanged, one left out, or one too many. Another letter makes another word, as in APP_TOKEN. */
function isSlip(name: string, ours: string): boolean {
  if (ours.length < SHORTEST) return false;
  const difference = distance(name, ours);
  const hasSameLetters = [...name].sort().join("") === [...ours].sort().join("");
  return hasSameLetters ? difference === 2 : difference === 1 && name.length !== ours.length;
}
