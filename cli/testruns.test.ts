import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { readTestRun, runTestRun, type TestRun } from "./testruns.ts";

const MANIFEST = readFileSync(
  new URL("../deploy/golden/k6-operator/testrun-ws.yaml", import.meta.url),
  "utf8",
);
const POLL_MS = 5;
const never = new AbortController().signal;

/** Kubernetes' API, as far as it is asked: a TestRun passes these stages, one at each look. */
async function cluster(t: TestContext, stages: readonly string[]) {
  const calls: string[] = [];
  let stored: TestRun | undefined;
  let looks = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    calls.push(`${request.method} ${request.url}`);
    const answer = (status: number, content: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
    if (request.headers.authorization !== "Bearer t")
      return answer(403, { message: "testruns is forbidden" });
    if (request.method === "POST") {
      stored = JSON.parse(body);
      return answer(201, stored ?? {});
    }
    if (stored === undefined) return answer(404, {});
    if (request.method === "GET")
      return answer(200, { status: { stage: stages[Math.min(looks++, stages.length - 1)] } });
    stored = undefined;
    return answer(200, {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { calls, created: () => stored, at: { url, token: "t", namespace: "load" } };
}

test("a TestRun gets a run id of its own, alike for all its instances", () => {
  const { testRun, runId } = readTestRun(MANIFEST, "x");
  assert.match(runId, /^\d{8}T\d{6}Z-suite-2025\.10-ws-baseline-[0-9a-f]{4}$/);
  for (const { env } of [testRun.spec.runner, testRun.spec.initializer]) {
    assert.equal(env.find(({ name }) => name === "RUN_ID")?.value, runId);
  }
  assert.throws(() => readTestRun("kind: Pod", "x.yaml"), {
    message: /^x\.yaml is no TestRun of k6-operator/,
  });
});

test("is created in place of the one before it, and waited for to its last stage", async (t) => {
  const kubernetes = await cluster(t, ["initialization", "created", "started", "finished"]);
  const { testRun } = readTestRun(MANIFEST, "x");
  for (let i = 0; i < 2; i++) await runTestRun(kubernetes.at, testRun, never, POLL_MS);
  assert.deepEqual(kubernetes.created(), testRun);
  const path = "/apis/k6.io/v1alpha1/namespaces/load/testruns";
  const look = `GET ${path}/plan-load-ws`;
  const remove = `DELETE ${path}/plan-load-ws`;
  assert.deepEqual(kubernetes.calls, [
    remove,
    `POST ${path}`,
    look,
    look,
    look,
    look,
    remove,
    remove,
    `POST ${path}`,
    look,
  ]);
});

test("an interrupt deletes it, so that its runners end", async (t) => {
  const kubernetes = await cluster(t, ["started"]);
  const interrupt = new AbortController();
  const { testRun } = readTestRun(MANIFEST, "x");
  setTimeout(() => interrupt.abort(), 50);
  await assert.rejects(
    runTestRun(kubernetes.at, testRun, interrupt.signal, POLL_MS),
    /plan-load-ws was interrupted$/,
  );
  assert.equal(kubernetes.created(), undefined);
});

test("what Kubernetes refuses is told in its words", async (t) => {
  const { at } = await cluster(t, []);
  const { testRun } = readTestRun(MANIFEST, "x");
  await assert.rejects(runTestRun({ ...at, token: "other" }, testRun, never, POLL_MS), {
    message: "the TestRun plan-load-ws could not be deleted: testruns is forbidden",
  });
});
