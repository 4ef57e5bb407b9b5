import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { prometheusOutput, requireReceiver } from "./prometheus.ts";

/** The address of a server that answers everything with a status, and is closed after the test. */
async function answering(
  t: TestContext,
  status: number | ((headers: IncomingHttpHeaders) => number),
): Promise<string> {
  const server = createServer(({ headers }, response) =>
    response.writeHead(typeof status === "number" ? status : status(headers)).end(),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the root of a Prometheus becomes the address of its remote write, another address stays", () => {
  const urlOf = (url: string) => prometheusOutput(url, {}).env.K6_PROMETHEUS_RW_SERVER_URL;
  assert.equal(urlOf("http://localhost:9090"), "http://localhost:9090/api/v1/write");
  assert.equal(
    urlOf("https://prometheus.example.net/api/prom/push"),
    "https://prometheus.example.net/api/prom/push",
  );
});

test("settings in the environment stand, and the others are set", () => {
  const { args, env } = prometheusOutput("http://localhost:9090", {
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "5s",
    K6_PROMETHEUS_RW_PASSWORD: "secret",
  });
  assert.deepEqual(args, ["-o", "experimental-prometheus-rw"]);
  assert.deepEqual(Object.keys(env).sort(), [
    "K6_PROMETHEUS_RW_SERVER_URL",
    "K6_PROMETHEUS_RW_STALE_MARKERS",
    "K6_PROMETHEUS_RW_TREND_STATS",
  ]);
});

test("what is no address, or holds credentials, is refused in one sentence that does not repeat them", () => {
  assert.throws(
    () => prometheusOutput("localhost:9090"),
    /^Error: --prometheus is "localhost:9090": it must be a URL/,
  );
  assert.throws(
    () => prometheusOutput("http://me:secret@localhost:9090"),
    (error: Error) => {
      assert.match(error.message, /holds credentials: set K6_PROMETHEUS_RW_USERNAME/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
});

test("an address where nobody takes a run's figures is refused before the run", async (t) => {
  const require = async (url: string) => requireReceiver(prometheusOutput(url));
  await require(await answering(t, 204));
  await require(await answering(t, 400));
  for (const status of [404, 405, 500]) {
    await assert.rejects(
      require(await answering(t, status)),
      new RegExp(`takes no remote write \\(${status}\\): start Prometheus with --web`),
    );
  }
  await assert.rejects(
    require("http://127.0.0.1:9"),
    /cannot be reached \(.+\): start Prometheus, or correct the URL/,
  );
});

test("credentials are tried before the run, as k6 will send them", async (t) => {
  const url = await answering(t, ({ authorization }) =>
    authorization === `Basic ${btoa("me:secret")}` || authorization === "Bearer token" ? 204 : 401,
  );
  const require = async (env: NodeJS.ProcessEnv) => requireReceiver(prometheusOutput(url, env), env);
  await require({ K6_PROMETHEUS_RW_USERNAME: "me", K6_PROMETHEUS_RW_PASSWORD: "secret" });
  await require({ K6_PROMETHEUS_RW_BEARER_TOKEN: "token" });
  for (const env of [{}, { K6_PROMETHEUS_RW_USERNAME: "me", K6_PROMETHEUS_RW_PASSWORD: "wrong" }]) {
    await assert.rejects(require(env), (error: Error) => {
      assert.match(error.message, /refuses the credentials \(401\): set K6_PROMETHEUS_RW_USERNAME/);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    });
  }
  // k6 alone can show a certificate, sign, or send headers of its own.
  await require({ K6_PROMETHEUS_RW_CLIENT_CERTIFICATE: "client.pem" });
});
