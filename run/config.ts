import { HIDDEN, shownText, shownUrl } from "../record/hidden.ts";
import type { Transport, WsClient } from "../record/record.ts";
import {
  DEFAULTS,
  type Environment,
  type Form,
  isSecret,
  type Profile,
  partsOfUrl,
  refuseUnknown,
  SETTINGS,
  type SettingName,
  type Trigger,
} from "./settings.ts";

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
  /** RECOVERY_SECONDS: how long the server may take to recover from a test. */
  recoverySeconds: number;
  /** GATE_URL: who is asked before every test but the first; undefined: nobody. */
  gateUrl: string | undefined;
  /** SEED: of all random choices, so that two runs make the same. */
  seed: number;
  /** ONLY: the tests of the suite that are run; empty: all. */
  only: string[];
}

/** What RECOVERY_SECONDS is when not given. A server out of database connections holds everything for 30 s, and again. */
const RECOVERY_SECONDS = smokeOr(60, 180);

type Values = Record<SettingName, string>;

/** A setting that is wrong: one sentence that names the variable, its value unless it is a secret, and what is allowed. */
export class SettingError extends Error {
  constructor(name: SettingName, value: string, allowed: string) {
    super(`${name} is ${isSecret(name) ? "wrong" : `"${shownText(shownUrl(value))}"`}: ${allowed}`);
  }
}

/**
 * Reads and checks the settings. `tests` are the names that ONLY may hold, `given` the names that were given to the script
 * alone (k6's -e).
 * @throws Error with one sentence: SettingError for a value, another for a name
 */
export function readConfig(
  env: Environment,
  tests: readonly string[],
  given: readonly string[] = [],
): Config {
  refuseUnknown(env, given);
  refuseShownCredentials(env);
  const values = readValues(env);
  const read = <Name extends SettingName>(name: Name) => readValue(name, values[name]);
  const readGiven = <Name extends SettingName>(name: Name) => (values[name] === "" ? undefined : read(name));
  const baseUrl = allowedUrl("BASE_URL", values);
  const serverMetricsUrl =
    values.SERVER_METRICS_URL === "" ? undefined : allowedUrl("SERVER_METRICS_URL", values);
  const gateUrl = values.GATE_URL === "" ? undefined : allowedUrl("GATE_URL", values);
  const profile = read("PROFILE");
  return {
    baseUrl,
    headers: headersOf(values),
    localPort: localPortOf(baseUrl),
    isLocal: [baseUrl, serverMetricsUrl ?? baseUrl, gateUrl ?? baseUrl].every(
      (url) => localPortOf(url) !== undefined,
    ),
    transport: read("TRANSPORT"),
    profile,
    release: read("RELEASE"),
    runId: readGiven("RUN_ID"),
    outDir: read("OUT_DIR"),
    wsClient: read("WS_CLIENT"),
    trigger: read("TRIGGER"),
    llmModel: readGiven("LLM_MODEL"),
    serverMetricsUrl,
    recoverySeconds: readGiven("RECOVERY_SECONDS") ?? RECOVERY_SECONDS[profile],
    gateUrl,
    seed: read("SEED"),
    only: values.ONLY === "" ? [] : values.ONLY.split(",").map((one) => testNamed(one.trim(), tests)),
  };
}

type ValueOf<Name extends SettingName> = (typeof SETTINGS)[Name]["form"] extends Form<infer T> ? T : never;

/** @throws SettingError */
function readValue<Name extends SettingName>(name: Name, text: string): ValueOf<Name> {
  const form = SETTINGS[name].form as Form<ValueOf<Name>>;
  const value = form.read(text);
  if (value !== undefined) return value;
  throw new SettingError(name, text, `${form.isList ? "allowed are" : "it must be"} ${form.allowed}`);
}

function testNamed(name: string, tests: readonly string[]): string {
  if (tests.includes(name)) return name;
  throw new SettingError("ONLY", name, `allowed are ${tests.join(", ")}`);
}

/** The settings as text, defaults filled in. An empty value counts as none. */
function readValues(env: Environment): Values {
  const entries = Object.entries(DEFAULTS).map(([key, value]) => [key, env[key] || value]);
  return Object.fromEntries(entries) as Values;
}

/** The settings as the record and the report show them. */
export function shownSettings(env: Environment): Values {
  const shown = Object.entries(readValues(env)).map(([name, value]) => [
    name,
    isSecret(name) && value !== "" ? HIDDEN : value,
  ]);
  return Object.fromEntries(shown) as Values;
}

/** What a request is sent by, and not what it says: with these there would be another load, or none. */
const OWN_HEADERS = /^(connection|content-length|keep-alive|te|trailer|transfer-encoding|upgrade)$/;

function headersOf({ API_TOKEN, API_HEADERS }: Values): Record<string, string> {
  const token = readValue("API_TOKEN", API_TOKEN);
  const given = API_HEADERS === "" ? [] : API_HEADERS.split("|").map(header);
  const all = [...(token === "" ? [] : [["Authorization", `Bearer ${token}`] as const]), ...given];
  const names = all.map(([name]) => name.toLowerCase());
  if (new Set(names).size < names.length) {
    throw new SettingError(
      "API_HEADERS",
      API_HEADERS,
      "it must be headers of different names, and not the one that API_TOKEN sets",
    );
  }
  if (names.some((name) => OWN_HEADERS.test(name))) {
    throw new SettingError(
      "API_HEADERS",
      API_HEADERS,
      "it must be headers of a request, and none of its connection",
    );
  }
  return Object.fromEntries(all);
}

function header(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^\s*([\w!#$%&'*+.^`~-]+)\s*:\s*([\x20-\x7e]*?)\s*$/.exec(text) ?? [];
  if (name !== undefined && value) return [name, value];
  throw new SettingError("API_HEADERS", text, `it must be ${SETTINGS.API_HEADERS.form.allowed}`);
}

/** As it stands: for a LOCALHOST in capitals Go goes through HTTP_PROXY, for a localhost it does not. */
const LOOPBACK_PATTERN = /^(localhost|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])$/;

function localPortOf(url: string): number | undefined {
  const { host = "", port } = partsOfUrl(url);
  if (!LOOPBACK_PATTERN.test(host)) return undefined;
  return Number(port ?? (/^https/i.test(url) ? 443 : 80));
}

/** The beginning of a URL that holds a user, or a password. */
const CREDENTIALS = /^\w+:\/\/[^/]*@/;

/** Where k6 sends figures it shows to whoever watches: the whole URL, before any load. */
function refuseShownCredentials({ K6_PROMETHEUS_RW_SERVER_URL: url = "" }: Environment): void {
  if (!CREDENTIALS.test(url)) return;
  throw new Error(
    "K6_PROMETHEUS_RW_SERVER_URL holds credentials, which k6 shows: set K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD instead",
  );
}

/** Requests go where they are allowed: to this machine, or to the very host that ALLOW_REMOTE names. */
function allowedUrl(name: "BASE_URL" | "SERVER_METRICS_URL" | "GATE_URL", values: Values): string {
  const given = values[name];
  if (CREDENTIALS.test(given)) {
    throw new SettingError(name, given, "it holds credentials: set API_TOKEN or API_HEADERS instead");
  }
  const url = readValue(name, given);
  const { host = "" } = partsOfUrl(url);
  if (!LOOPBACK_PATTERN.test(host) && host !== values.ALLOW_REMOTE) {
    throw new SettingError(
      name,
      url,
      `load goes to this machine only, unless you allow that host: set ALLOW_REMOTE=${host}`,
    );
  }
  return url.replace(/\/+$/, "");
}
