import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TRANSPORTS, WS_CLIENTS } from "../record/record.ts";
import { type Config, readConfig, SettingError, shownSettings } from "./config.ts";
import { DEFAULTS, PROFILES, type SettingName } from "./settings.ts";

const TESTS = ["basic-connection", "reconnection"];
const NAMES = Object.keys(DEFAULTS) as SettingName[];

const host = fc.oneof(
  fc.constantFrom(
    "localhost",
    "127.0.0.1",
    "[::1]",
    "LOCALHOST",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
  ),
  fc.constantFrom(
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::1%25lo]",
    "localhost.",
    "127.0.0.1.example.test",
    "⑫7.0.0.1",
  ),
  fc.domain(),
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6().map((ip) => `[${ip}]`),
  fc.string({ maxLength: 12 }),
);
const url = fc
  .tuple(
    fc.constantFrom("http://", "https://", "HTTP://", "http:", "http:\\\\", "ftp://", "//", ""),
    fc.constantFrom("", "", "", "me:word@", "localhost@", "@", "127.0.0.1:80@"),
    host,
    fc.oneof(
      fc.constantFrom("", ":8080", ":0", ":65536", ":99999", ":x", ":"),
      fc.nat(70_000).map((n) => `:${n}`),
    ),
    fc.constantFrom("", "/", "/api", "/api//", "/a@b", "\\@example.test", "?x=1", "#x", "/ ", "\n"),
  )
  .map((parts) => parts.join(""));
const anything = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.lorem());
const oneOf = (...values: readonly string[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, anything);

/** What may stand in each variable: mostly what is meant for it. */
const VALUES: Record<SettingName, fc.Arbitrary<string>> = {
  BASE_URL: fc.oneof(url, url, fc.webUrl(), anything),
  SERVER_METRICS_URL: fc.oneof(fc.constant(""), url, anything),
  ALLOW_REMOTE: fc.oneof(fc.constant(""), host),
  TRANSPORT: oneOf(...TRANSPORTS),
  PROFILE: oneOf(...PROFILES),
  RELEASE: oneOf("2025.10", "..", "dev"),
  RUN_ID: oneOf("mine", "../elsewhere"),
  OUT_DIR: oneOf("results"),
  WS_CLIENT: oneOf(...WS_CLIENTS),
  RECOVERY_SECONDS: oneOf("1", "0", "3600", "60 s"),
  GATE_URL: fc.oneof(fc.constant(""), url, anything),
  TRIGGER: oneOf("manual", "schedule"),
  LLM_MODEL: oneOf("a-model"),
  SEED: oneOf("0", "7", "-1", "1e3", "999999999", "1000000000"),
  ONLY: oneOf("reconnection", "reconnection,basic-connection", "reconnection,", ","),
  API_TOKEN: oneOf("abc.def-123456=="),
  API_HEADERS: oneOf("X-Api-Key: abc", "X: a|Y: b", "X:"),
};

/** An environment with few of the variables, so that a wrong one does not hide all others. */
const environment = fc
  .uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 })
  .chain((names) =>
    fc.record(
      Object.fromEntries(names.map((name) => [name, VALUES[name]])) as Record<string, fc.Arbitrary<string>>,
    ),
  );

/** What a browser, and Go, would take the host of a URL for. */
function isThisMachine(baseUrl: string): boolean {
  const { hostname } = new URL(baseUrl);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

const hostIn = (url: string): string => /^https?:\/\/(\[[^\]]*\]|[^/:]*)/i.exec(url)?.[1] ?? "";

/** Whether the host is this machine's in the one spelling that needs no leave. */
const isPlainlyThisMachine = (url: string): boolean =>
  isThisMachine(url) && hostIn(url) === new URL(url).hostname;

function checkUrl(url: string, allowed: string): void {
  const { protocol, username, password, search, hash, port } = new URL(url);
  assert.match(protocol, /^https?:$/);
  assert.deepEqual([username, password, search, hash], ["", "", "", ""]);
  assert.ok(port !== "0" && !url.endsWith("/"), url);
  assert.ok(isPlainlyThisMachine(url) || hostIn(url) === allowed, url);
}

function checkConfig(config: Config, allowed: string): void {
  const urls = [config.baseUrl, config.serverMetricsUrl ?? config.baseUrl];
  for (const one of urls) checkUrl(one, allowed);
  assert.equal(config.isLocal, urls.every(isPlainlyThisMachine));
  assert.equal(config.localPort !== undefined, isPlainlyThisMachine(config.baseUrl));
  assert.ok(config.localPort === undefined || (config.localPort > 0 && config.localPort < 65_536));
  assert.ok(Number.isInteger(config.seed) && config.seed >= 0);
  assert.ok((TRANSPORTS as readonly string[]).includes(config.transport));
  assert.ok((PROFILES as readonly string[]).includes(config.profile));
  for (const name of [config.release, config.runId ?? "x"]) assert.match(name, /^(?!\.+$)[A-Za-z0-9._-]+$/);
  for (const one of config.only) assert.ok(TESTS.includes(one));
  for (const [name, value] of Object.entries(config.headers)) new Headers([[name, value]]);
}

function checkRefusal(error: unknown): void {
  assert.ok(error instanceof SettingError, String(error));
  assert.match(error.message, /^[A-Z_]+ is (wrong|".*"): .+$/u);
  assert.doesNotMatch(error.message, /\p{Cc}/u);
  assert.ok(error.message.length < 500, error.message);
}

test("any environment is a configuration that can be used, or wrong in one sentence that names the variable", () => {
  fc.assert(
    fc.property(environment, (env) => {
      let config: Config;
      try {
        config = readConfig(env, TESTS);
      } catch (error) {
        return checkRefusal(error);
      }
      checkConfig(config, env.ALLOW_REMOTE ?? "");
    }),
    { numRuns: 3_000 },
  );
});

test("what is shown of an environment has no secret in it", () => {
  const secret = fc.string({ minLength: 8 }).map((text) => `planted${text}`);
  fc.assert(
    fc.property(environment, secret, secret, (env, token, headers) => {
      const shown = shownSettings({ ...env, API_TOKEN: token, API_HEADERS: headers });
      assert.doesNotMatch(JSON.stringify(shown), /planted/);
      assert.deepEqual(Object.keys(shown).sort(), [...NAMES].sort());
    }),
    { numRuns: 300 },
  );
});
