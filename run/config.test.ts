import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig, shownSettings } from "./config.ts";

const TESTS = ["basic-connection", "reconnection"];
const read = (env: Record<string, string>) => readConfig(env, TESTS);

test("without settings, the defaults hold", () => {
  assert.deepEqual(read({}), {
    baseUrl: "http://localhost:8080",
    headers: {},
    localPort: 8080,
    isLocal: true,
    transport: "sse",
    profile: "smoke",
    release: "dev",
    runId: undefined,
    outDir: "results",
    wsClient: "xk6",
    trigger: "manual",
    llmModel: undefined,
    serverMetricsUrl: undefined,
    recoverySeconds: 60,
    gateUrl: undefined,
    seed: 1,
    only: [],
  });
});

test("a wrong setting is refused in one sentence: its name, its value, what is allowed", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ TRANSPORT: "wss" }, /^TRANSPORT is "wss": allowed are sse, ws$/],
    [{ PROFILE: "huge" }, /^PROFILE is "huge": allowed are smoke, baseline, stress, endurance$/],
    [{ ONLY: "basic-connection,recon" }, /^ONLY is "recon": allowed are basic-connection, reconnection$/],
    [{ RELEASE: "a/b" }, /^RELEASE is "a\/b": allowed are 1 to 64 letters/],
    [{ RELEASE: ".." }, /^RELEASE is/],
    [{ RELEASE: "x".repeat(65) }, /^RELEASE is/],
    [{ RUN_ID: "../elsewhere" }, /^RUN_ID is/],
    [{ RUN_ID: "baselines" }, /^RUN_ID is "baselines": allowed are .* but not baselines,/],
    [{ TRIGGER: "cron" }, /^TRIGGER is "cron": allowed are manual, schedule$/],
    [{ SEED: "-1" }, /^SEED is "-1": it must be a whole number/],
    [{ BASE_URL: "localhost:8080" }, /^BASE_URL is "localhost:8080": it must be a URL/],
    [{ BASE_URL: "ftp://localhost" }, /it must be a URL/],
    [{ BASE_URL: "http://localhost:0" }, /it must be a URL/],
    [{ BASE_URL: "http://localhost:65536" }, /it must be a URL/],
    [{ SEED: "1000000000" }, /from 0 to 999999999$/],
    [{ BASE_ULR: "http://localhost" }, /^there is no setting BASE_ULR: the nearest is BASE_URL/],
    [{ BASE_URL: "http://localhost:8080?x=1" }, /it must be a URL/],
  ];
  for (const [env, message] of cases) assert.throws(() => read(env), { message });
});

test("the port of a server of this machine is known, also where the URL leaves it out", () => {
  const portOf = (url: string) => read({ BASE_URL: url, ALLOW_REMOTE: "example.test" }).localPort;
  assert.equal(portOf("http://127.0.0.1:18080/api"), 18_080);
  assert.equal(portOf("http://[::1]:81"), 81);
  assert.equal(portOf("http://localhost"), 80);
  assert.equal(portOf("HTTPS://localhost/api"), 443);
  assert.equal(portOf("http://example.test:8080"), undefined);
});

test("credentials in the address that figures are sent to are refused, since k6 shows it, and are not repeated", () => {
  const sentTo = (url: string) => read({ K6_PROMETHEUS_RW_SERVER_URL: url });
  for (const url of ["http://me:secret@localhost:9090/api/v1/write", "https://token@example.test/push"]) {
    assert.throws(() => sentTo(url), {
      message:
        /^K6_PROMETHEUS_RW_SERVER_URL holds credentials, which k6 shows: set K6_PROMETHEUS_RW_USERNAME and \w+ instead$/,
    });
  }
  sentTo("http://localhost:9090/api/v1/write");
});

test("load goes to loopback, or to the very host that is allowed", () => {
  for (const url of [
    "http://localhost:1",
    "http://127.0.0.1",
    "https://127.9.8.7:443/api",
    "http://[::1]:8080",
  ]) {
    assert.equal(read({ BASE_URL: url }).baseUrl, url);
  }
  const remote = [
    "http://example.test",
    "http://192.168.0.1",
    "http://127.0.0.1.example.test",
    "http://localhost.example.test",
    "http://127.0.0.300",
    "http://127.0.0.010",
    "http://127.1",
    "http://0x7f.1",
    "http://0x7f000001",
    "http://0177.0.0.1",
    "http://2130706433",
    "http://0.0.0.0",
    "http://LOCALHOST",
    "http://localhost.",
    "http://[::2]",
    "http://[::ffff:a00:1]",
    "http://[::ffff:7f00:1]",
  ];
  for (const url of remote)
    assert.throws(() => read({ BASE_URL: url }), /this machine only.*ALLOW_REMOTE=/, url);
  const unreadable = [
    "http://[::1%25lo]",
    "http://[::ffff:10.0.0.1]",
    "http://[::1].example.test",
    "http://127.0.0.1\\@example.test",
    "http://127.0.0.1 .example.test",
    "http://127.0.0.1#@example.test",
    "http://127.0.0.1%2eexample.test",
    "http:///example.test",
  ];
  for (const url of unreadable)
    assert.throws(() => read({ BASE_URL: url }), /must be a URL|holds credentials/, url);
  for (const url of ["http://127.0.0.1@example.test", "http://127.0.0.1:80@example.test"])
    assert.throws(() => read({ BASE_URL: url }), /http:\/\/\*\*\*@example\.test": it holds credentials/, url);
  assert.equal(read({ BASE_URL: "http://a.test/", ALLOW_REMOTE: "a.test" }).baseUrl, "http://a.test");
  assert.throws(
    () => read({ BASE_URL: "http://b.a.test", ALLOW_REMOTE: "a.test" }),
    /ALLOW_REMOTE=b\.a\.test/,
  );
});

test("where a URL names another machine, nothing is kept to this one", () => {
  const ALLOW_REMOTE = "a.test";
  assert.equal(read({ BASE_URL: "http://a.test", ALLOW_REMOTE }).isLocal, false);
  assert.equal(read({ SERVER_METRICS_URL: "http://a.test/metrics", ALLOW_REMOTE }).isLocal, false);
  assert.equal(read({ SERVER_METRICS_URL: "http://localhost:9/metrics", ALLOW_REMOTE }).isLocal, true);
});

test("a token and headers are sent, and shown to nobody", () => {
  const env = { API_TOKEN: "abc.d~+/-_9==", API_HEADERS: " X-Api-Key: a: b |Cookie:c=1; d=2" };
  assert.deepEqual(read(env).headers, {
    Authorization: "Bearer abc.d~+/-_9==",
    "X-Api-Key": "a: b",
    Cookie: "c=1; d=2",
  });
  const { API_TOKEN, API_HEADERS, SEED } = shownSettings({ ...env, SEED: "7" });
  assert.deepEqual([API_TOKEN, API_HEADERS, SEED], ["***", "***", "7"]);
  assert.equal(shownSettings({}).API_TOKEN, "");
  for (const wrong of [
    { API_TOKEN: "a b" },
    { API_TOKEN: "a\nb" },
    { API_HEADERS: "secret" },
    { API_HEADERS: "X: a|" },
    { API_HEADERS: "X: a|x: b" },
    { API_HEADERS: "Connection: upgrade" },
    { API_TOKEN: "abc", API_HEADERS: "authorization: b" },
    { API_HEADERS: "X: a\r\nY: b" },
    { API_HEADERS: "X Y: b" },
  ])
    assert.throws(
      () => read(wrong),
      /^Error: API_(TOKEN|HEADERS) is wrong: it must be [^\n]*$/,
      JSON.stringify(wrong),
    );
});

test("a misspelt name is refused with the nearest of ours, and another program's is not", () => {
  const slips = [
    "BASE_ULR",
    "BASEURL",
    "TRANSPROT",
    "PROFLIE",
    "PROFIL",
    "RELEASEE",
    "RUNID",
    "SERVER_METRIC_URL",
  ];
  for (const name of slips) assert.throws(() => read({ [name]: "x" }), /^Error: there is no setting/, name);
  const others = {
    ...Object.fromEntries(
      ["APP_TOKEN", "NPM_TOKEN", "AWS_PROFILE", "NOTIFY_SOCKET", "SPEED"].map((name) => [name, "x"]),
    ),
    ...Object.fromEntries(["PATH", "K6_OUT", "DB_URL", "JOB_ID", "CI", "HOME"].map((name) => [name, "x"])),
  };
  assert.equal(read(others).seed, 1);
  assert.equal(read({ OUTDIR: "build", OUT_DIR: "out" }).outDir, "out", "what was meant is there beside it");
  assert.equal(read({ PROFIL: "" }).profile, "smoke", "an empty value counts as none");
});

test("the script itself is given its settings only", () => {
  const given = (...names: string[]) => readConfig({}, TESTS, names);
  assert.throws(() => given("SEED", "DURATION"), /^Error: there is no setting DURATION: the nearest is/);
  assert.throws(() => given("base_url"), /^Error: there is no setting base_url: the nearest is BASE_URL,/);
  assert.equal(given("SEED", "API_TOKEN", "NO_COLOR", "K6_OUT").seed, 1);
});
