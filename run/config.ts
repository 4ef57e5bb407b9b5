import { HIDDEN, shownText, shownUrl } from "../record/hidden.ts";
import { TRANSPORTS, type Transport, WS_CLIENTS, type WsClient } from "../record/record.ts";

export const PROFILES = ["smoke", "baseline", "stress", "endurance"] as const;
/**
 * How much load: `smoke` the same behaviours in seconds, `baseline` the numbers of the test plan, `stress` several
 * times those, `endurance` hours.
 */
export type Profile = (typeof PROFILES)[number];

/** Who started a run: a person, or a schedule. */
export const TRIGGERS = ["manual", "schedule"] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** A value for profile smoke, which has to be over soon, and one for all others. */
export const smokeOr = <T>(smoke: T, others: T): Record<Profile, T> => ({
  smoke,
  baseline: others,
  stress: others,
  endurance: others,
});

/** The settings of a run. Each comes from the environment variable named beside it (`k6 run -e NAME=value`). */
export interface Config {
  /** BASE_URL: the plan server, without a slash at its end. */
  baseUrl: string;
  /** API_TOKEN and API_HEADERS: what is sent with every request to the plan server. */
  headers: Readonly<Record<string, string>>;
  /** TRANSPORT: which stream is tested. */
  transport: Transport;
  /** PROFILE */
  profile: Profile;
  /** RELEASE: the name of what is tested, `[A-Za-z0-9._-]{1,64}`. */
  release: string;
  /** RUN_ID: the id of the run; undefined: the recorder makes one. */
  runId: string | undefined;
  /** OUT_DIR: where the run's directory is made. */
  outDir: string;
  /** WS_CLIENT: the WebSocket that is used: ours, or k6's own as a cross-check. */
  wsClient: WsClient;
  /** TRIGGER: who started the run. Alerts look at scheduled runs only. */
  trigger: Trigger;
  /** LLM_MODEL: the model that plans are created with; undefined: the first of GET /api/models. */
  llmModel: string | undefined;
  /** The port in BASE_URL where that is this machine; undefined for another. */
  localPort: number | undefined;
  /** Whether every URL names this machine, so that nothing at all may be sent elsewhere. */
  isLocal: boolean;
  /** SERVER_METRICS_URL: where the server's process tells of itself in Prometheus text; undefined: find out. */
  serverMetricsUrl: string | undefined;
  /** SEED: of all random choices, so that two runs make the same. */
  seed: number;
  /** ONLY: the tests of the suite that are run; empty: all. */
  only: string[];
}

/** The environment variables that are settings, with what they are when not given. */
export const DEFAULTS = {
  BASE_URL: "http://localhost:8080",
  TRANSPORT: "sse",
  PROFILE: "smoke",
  RELEASE: "dev",
  RUN_ID: "",
  OUT_DIR: "results",
  WS_CLIENT: "xk6",
  TRIGGER: "manual",
  LLM_MODEL: "",
  SERVER_METRICS_URL: "",
  SEED: "1",
  ONLY: "",
  ALLOW_REMOTE: "",
  API_TOKEN: "",
  API_HEADERS: "",
} as const;
export type SettingName = keyof typeof DEFAULTS;
type Settings = Record<SettingName, string>;

/** What is shown to nobody, and is taken from the environment only: every user of a machine can read its command lines. */
export const SECRETS: readonly SettingName[] = ["API_TOKEN", "API_HEADERS"];

/** A setting that is wrong: one sentence that names the variable, its value unless it is a secret, and what is allowed. */
export class SettingError extends Error {
  constructor(name: SettingName, value: string, allowed: string) {
    super(`${name} is ${SECRETS.includes(name) ? "wrong" : `"${shownText(shownUrl(value))}"`}: ${allowed}`);
  }
}

/**
 * Reads and checks the settings. `tests` are the names that ONLY may hold.
 * @throws SettingError
 */
export function readConfig(env: Record<string, string | undefined>, tests: readonly string[]): Config {
  const settings = readSettings(env);
  const baseUrl = allowedUrl("BASE_URL", settings);
  const serverMetricsUrl =
    settings.SERVER_METRICS_URL === "" ? undefined : allowedUrl("SERVER_METRICS_URL", settings);
  return {
    baseUrl,
    headers: headersOf(settings),
    localPort: localPortOf(baseUrl),
    isLocal: [baseUrl, serverMetricsUrl ?? baseUrl].every((url) => localPortOf(url) !== undefined),
    transport: oneOf("TRANSPORT", settings.TRANSPORT, TRANSPORTS),
    profile: oneOf("PROFILE", settings.PROFILE, PROFILES),
    release: name("RELEASE", settings.RELEASE),
    runId: settings.RUN_ID === "" ? undefined : name("RUN_ID", settings.RUN_ID, 200),
    outDir: settings.OUT_DIR,
    wsClient: oneOf("WS_CLIENT", settings.WS_CLIENT, WS_CLIENTS),
    trigger: oneOf("TRIGGER", settings.TRIGGER, TRIGGERS),
    llmModel: settings.LLM_MODEL || undefined,
    serverMetricsUrl,
    seed: wholeNumber("SEED", settings.SEED),
    only: settings.ONLY === "" ? [] : settings.ONLY.split(",").map((one) => oneOf("ONLY", one.trim(), tests)),
  };
}

/** The settings as text, defaults filled in. An empty value counts as none. */
function readSettings(env: Record<string, string | undefined>): Settings {
  const entries = Object.entries(DEFAULTS).map(([key, value]) => [key, env[key] || value]);
  return Object.fromEntries(entries) as Settings;
}

/** The settings as the record and the report show them. */
export function shownSettings(env: Record<string, string | undefined>): Settings {
  const settings = readSettings(env);
  const hidden = SECRETS.filter((name) => settings[name] !== "").map((name) => [name, HIDDEN]);
  return { ...settings, ...Object.fromEntries(hidden) };
}

function headersOf({ API_TOKEN: token, API_HEADERS: headers }: Settings): Record<string, string> {
  if (!/^[\w.~+/-]*=*$/.test(token)) {
    throw new SettingError(
      "API_TOKEN",
      token,
      "it must be a token as it stands after Bearer, without spaces",
    );
  }
  const given = headers === "" ? [] : headers.split("|").map(header);
  return Object.fromEntries([...(token === "" ? [] : [["Authorization", `Bearer ${token}`]]), ...given]);
}

function header(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^\s*([\w!#$%&'*+.^`~-]+)\s*:\s*([\x20-\x7e]*?)\s*$/.exec(text) ?? [];
  if (name !== undefined && value) return [name, value];
  throw new SettingError(
    "API_HEADERS",
    text,
    'it must be headers such as "X-Api-Key: abc", separated by | where there are several',
  );
}

function oneOf<T extends string>(setting: SettingName, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new SettingError(setting, value, `allowed are ${allowed.join(", ")}`);
  return found;
}

function name(setting: SettingName, value: string, most = 64): string {
  if (new RegExp(`^[A-Za-z0-9._-]{1,${most}}$`).test(value) && !/^\.+$/.test(value)) return value;
  throw new SettingError(
    setting,
    value,
    `allowed are 1 to ${most} letters, digits, dots, hyphens and underscores`,
  );
}

function wholeNumber(setting: SettingName, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new SettingError(setting, value, "it must be a whole number from 0 to 999999999");
}

const URL_PATTERN = /^https?:\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?(\/[^?#\s]*)?$/i;
const LOOPBACK_PATTERN = /^(localhost|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])$/i;

function localPortOf(url: string): number | undefined {
  const [, host = "", port] = URL_PATTERN.exec(url) ?? [];
  if (!LOOPBACK_PATTERN.test(host)) return undefined;
  return Number(port?.slice(1) ?? (/^https/i.test(url) ? 443 : 80));
}

const isPort = (port: number): boolean => port > 0 && port < 65_536;

/** Requests go where they are allowed: to this machine, or to the very host that ALLOW_REMOTE names. */
function allowedUrl(setting: "BASE_URL" | "SERVER_METRICS_URL", settings: Settings): string {
  const url = settings[setting];
  if (/^\w+:\/\/[^/]*@/.test(url)) {
    throw new SettingError(setting, url, "it holds credentials: set API_TOKEN or API_HEADERS instead");
  }
  const [, host, port = ":80"] = URL_PATTERN.exec(url) ?? [];
  if (host === undefined || !isPort(Number(port.slice(1)))) {
    throw new SettingError(setting, url, "it must be a URL such as http://localhost:8080");
  }
  if (!LOOPBACK_PATTERN.test(host) && host !== settings.ALLOW_REMOTE) {
    throw new SettingError(
      setting,
      url,
      `load goes to this machine only, unless you allow that host: set ALLOW_REMOTE=${host}`,
    );
  }
  return url.replace(/\/+$/, "");
}
