import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { prometheusAt } from "./prometheus-query.ts";

test("Prometheus is asked beside where it is written to, with the credentials of the environment", async (t) => {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push(`${request.url} ${request.headers.authorization} ${body}`);
    const result = [{ metric: { le: "+Inf" }, value: [5, "7"] }];
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const path of ["", "/", "/api/v1/write", "/api/prom", "/api/prom/push"]) {
    const ask = prometheusAt(`${root}${path}`, { K6_PROMETHEUS_RW_BEARER_TOKEN: "t" });
    assert.deepEqual(await ask("up{a='b'}", 9), [{ labels: { le: "+Inf" }, samples: [[5, 7]] }]);
  }
  const question = "Bearer t query=up%7Ba%3D%27b%27%7D&time=9";
  assert.deepEqual(asked, [
    ...Array(3).fill(`/api/v1/query ${question}`),
    ...Array(2).fill(`/api/prom/api/v1/query ${question}`),
  ]);
});
