import assert from "node:assert/strict";
import { test } from "node:test";
import { START_DELAY_MS } from "./pipeline.ts";
import { type TestServer, testServer } from "./testing.ts";

interface Details {
  readonly pipeline_log: string;
  readonly generated_files: string[];
}

interface FallbackReport {
  readonly completion_percentage: number;
  readonly sections: { filename: string; content: string }[];
  readonly missing_sections: { filename: string; stage: string; reason: string }[];
  readonly assembled_html: string;
}

async function post(
  server: TestServer,
  body: string,
): Promise<{ status: number; answer: { detail?: unknown } }> {
  const response = await fetch(`${server.url}/api/plans`, { method: "POST", body });
  return { status: response.status, answer: (await response.json()) as { detail?: unknown } };
}

async function statusOf(server: TestServer, path: string): Promise<number> {
  return (await fetch(server.url + path)).status;
}

/** Creates a plan and waits until it has ended. */
async function finished(server: TestServer, directive: string): Promise<string> {
  const id = await server.create(directive);
  const stream = await server.sse(id);
  await stream.ended;
  return id;
}

test("health says that the server is simulated, and what it behaves like", async (t) => {
  const server = await testServer(t, { faults: ["sse-poll=50"] });
  const health = await server.json<object>("/health");
  assert.deepEqual(health, {
    status: "healthy",
    version: "healthy",
    available_models: 2,
    simulated: true,
    behaviour: "healthy: sse-poll=50",
  });
  const models = await server.json<{ id: string }[]>("/api/models");
  assert.deepEqual(Object.keys(models[0] ?? {}), ["id", "label", "comment", "priority", "requires_api_key"]);
});

/** A plan as it is before its pipeline starts, however busy the machine: one that was looked at too late is left alone. */
async function pendingPlan(server: TestServer, prompt: string) {
  for (;;) {
    const begun = performance.now();
    const id = await server.create(prompt);
    const [plan, readiness, fallback] = await Promise.all([
      server.plan(id),
      server.json(`/api/plans/${id}/stream-status`),
      statusOf(server, `/api/plans/${id}/fallback-report`),
    ]);
    if (performance.now() - begun < START_DELAY_MS) return { id, plan, readiness, fallback };
  }
}

test("a plan goes from pending over running to completed, with growing progress", async (t) => {
  const server = await testServer(t);
  const { id, plan, readiness, fallback } = await pendingPlan(server, "Bakery [stub lines=20 rate=50]");
  assert.match(id, /^PlanExe_[0-9a-f-]{36}$/);
  assert.match(plan.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/);
  assert.deepEqual([plan.status, plan.progress_percentage, plan.error_message], ["pending", 0, null]);
  assert.deepEqual([readiness, fallback], [{ status: "not_ready", ready: false }, 404]);

  const stream = await server.sse(id);
  await stream.messages(5);
  const running = await server.plan(id);
  assert.equal(running.status, "running");
  assert.ok(running.progress_percentage > 0 && running.progress_percentage < 100);
  assert.deepEqual(await server.json(`/api/plans/${id}/stream-status`), { status: "ready", ready: true });
  assert.equal(await statusOf(server, `/api/plans/${id}/report`), 404);

  await stream.ended;
  const completed = await server.plan(id);
  assert.deepEqual([completed.status, completed.progress_percentage], ["completed", 100]);
  const { pipeline_log: log } = await server.json<Details>(`/api/plans/${id}/details`);
  assert.deepEqual(
    log.split("\n"),
    stream.log().map((message) => message.replace(/^\S+ /, "")),
  );
});

test("the list of plans has the newest first", async (t) => {
  const server = await testServer(t);
  const ids = [await server.create("one"), await server.create("two"), await server.create("three")];
  const list = await server.json<{ plan_id: string }[]>("/api/plans");
  assert.deepEqual(
    list.map((plan) => plan.plan_id),
    ids.reverse(),
  );
});

test("list-newest: older plans are not in the list, and are there all the same", async (t) => {
  const server = await testServer(t, { faults: ["list-newest=2"] });
  const ids = [await server.create("one"), await server.create("two"), await server.create("three")];
  const list = await server.json<{ plan_id: string }[]>("/api/plans");
  assert.deepEqual(
    list.map((plan) => plan.plan_id),
    [ids[2], ids[1]],
  );
  assert.equal((await server.plan(ids[0] ?? "")).plan_id, ids[0]);
});

test("status-lag: streams hear that a plan is completed while it says that it runs, and end when it says so", async (t) => {
  const server = await testServer(t, { faults: ["status-lag=300"] });
  const id = await server.create("[stub lines=2 rate=100]");
  const [sse, ws] = await Promise.all([server.sse(id), server.ws(id)]);
  await ws.until("status completed");
  assert.deepEqual([(await server.plan(id)).status, ws.frames.at(-1)?.progress_percentage], ["running", 100]);
  await Promise.all([sse.ended, ws.closed]);
  assert.equal((await server.plan(id)).status, "completed");
  assert.equal(sse.others().at(-1), "Stream ended");
  assert.equal(ws.others().at(-1), "stream_end");
});

test("wrong bodies are answered with 422 in FastAPI's form", async (t) => {
  const server = await testServer(t);
  const missing = await post(server, '{"llm_model":"a"}');
  assert.equal(missing.status, 422);
  assert.deepEqual(missing.answer.detail, [
    { type: "missing", loc: ["body", "prompt"], msg: "Field required", input: { llm_model: "a" } },
  ]);
  const wrong = {
    '{"prompt":""}': "string_too_short",
    [JSON.stringify({ prompt: "é".repeat(10_001) })]: "string_too_long",
    '{"prompt":5}': "string_type",
    '{"prompt":"a","llm_model":5}': "string_type",
    '{"prompt":"a","speed_vs_detail":"slow"}': "enum",
    "[1]": "model_attributes_type",
    "{": "json_invalid",
    "": "missing",
  };
  for (const [body, type] of Object.entries(wrong)) {
    const { status, answer } = await post(server, body);
    const [problem] = answer.detail as { type: string; loc: unknown[]; msg: string }[];
    assert.deepEqual([status, problem?.type, problem?.loc[0]], [422, type, "body"], body.slice(0, 50));
    assert.ok(problem?.msg);
  }
});

test("prompts are counted in characters, as Python does", async (t) => {
  const server = await testServer(t);
  assert.equal((await post(server, JSON.stringify({ prompt: "🥐".repeat(10_000) }))).status, 200);
});

test("a body over 64 KiB is refused", async (t) => {
  const server = await testServer(t);
  assert.equal((await post(server, "x".repeat(65_537))).status, 413);
});

test("the server holds 5,000 plans and refuses more with 503", async (t) => {
  const server = await testServer(t);
  for (let hundred = 0; hundred < 50; hundred++) {
    await Promise.all(Array.from({ length: 100 }, () => post(server, '{"prompt":"no model"}')));
  }
  assert.equal((await post(server, '{"prompt":"one too many"}')).status, 503);
  assert.equal((await server.counts()).plans, 5_000);
});

test("a plan without a model fails at once and has no log", async (t) => {
  const server = await testServer(t);
  const { answer } = await post(server, '{"prompt":"a","llm_model":null}');
  const { plan_id: id, status, error_message: error } = answer as { [name: string]: string };
  assert.equal(status, "failed");
  assert.match(error ?? "", /llm_model/);
  assert.equal((await server.json<Details>(`/api/plans/${id}/details`)).pipeline_log, "");
  const refused = await fetch(`${server.url}/api/plans/${id}/fallback-report`);
  assert.deepEqual(
    [refused.status, await refused.json()],
    [404, { detail: "No plan content found for this plan" }],
  );
});

test("files, report and artefacts of a completed plan", async (t) => {
  const server = await testServer(t);
  const id = await finished(server, "Bread & <b>rolls</b> [stub lines=3 rate=300]");
  const files = await server.json<{ files: string[]; has_report: boolean }>(`/api/plans/${id}/files`);
  assert.deepEqual([files.files.length, files.has_report], [13, true]);
  const { generated_files: generated } = await server.json<Details>(`/api/plans/${id}/details`);
  assert.deepEqual(generated, files.files);

  const { artefacts } = await server.json<{ artefacts: { filename: string; size_bytes: number }[] }>(
    `/api/plans/${id}/artefacts`,
  );
  assert.deepEqual(
    artefacts.map(({ filename }) => filename),
    files.files,
  );
  for (const { filename, size_bytes: size } of artefacts) {
    const content = await (await fetch(`${server.url}/api/plans/${id}/files/${filename}`)).arrayBuffer();
    assert.equal(content.byteLength, size);
  }
  const report = await fetch(`${server.url}/api/plans/${id}/report`);
  assert.match(report.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(await report.text(), /Bread &amp; &lt;b&gt;rolls/);
});

test("the fallback report is assembled from what there is, while the plan runs and after it failed", async (t) => {
  const server = await testServer(t);
  const id = await server.create("Bakery [stub lines=24 rate=60 exit=1]");
  const stream = await server.sse(id);
  await stream.messages(12);
  const early = await server.json<FallbackReport>(`/api/plans/${id}/fallback-report`);
  assert.ok(early.sections.length > 0 && early.sections.length < 7);
  await stream.ended;
  const late = await server.json<FallbackReport>(`/api/plans/${id}/fallback-report`);
  assert.deepEqual(
    [late.completion_percentage, late.sections.length, late.missing_sections.length],
    [58, 7, 5],
  );
  assert.match(late.assembled_html, /^<!DOCTYPE html>/);
  const plan = await server.plan(id);
  assert.equal(plan.status, "completed");
  assert.equal(plan.progress_message, "Plan completed via fallback (minimal report)");
  assert.equal(await statusOf(server, `/api/plans/${id}/report`), 200);
});

test("the fallback report of a plan that has nothing but its log holds the log", async (t) => {
  const server = await testServer(t);
  const id = await server.create("[stub lines=1000 rate=50]");
  const stream = await server.sse(id);
  await stream.messages(1);
  const report = await server.json<FallbackReport>(`/api/plans/${id}/fallback-report`);
  assert.deepEqual([report.completion_percentage, report.missing_sections.length], [0, 12]);
  const [section, ...others] = report.sections;
  assert.deepEqual([section?.filename, others], ["log.txt", []]);
  assert.ok(section?.content.startsWith(stream.log()[0]?.replace(/^\S+ /, "") ?? "?"));
  assert.match(report.assembled_html, /StartTimeTask/);
});

test("no-fallback-report: 404, and the plan is as it was", async (t) => {
  const server = await testServer(t, { faults: ["no-fallback-report"] });
  const id = await finished(server, "[stub lines=3 rate=300 exit=1]");
  const response = await fetch(`${server.url}/api/plans/${id}/fallback-report`);
  assert.deepEqual(
    [response.status, await response.json()],
    [404, { detail: "No plan content found for this plan" }],
  );
  assert.equal(await statusOf(server, `/api/plans/${id}/artefacts`), 200);
});

test("a deleted plan is unknown, and deleting it again is 404", async (t) => {
  const server = await testServer(t);
  const id = await server.create("Bakery");
  assert.deepEqual([await server.remove(id), await server.remove(id)], [200, 404]);
  const paths = [
    "",
    "/stream-status",
    "/files",
    "/files/x",
    "/details",
    "/report",
    "/artefacts",
    "/fallback-report",
  ];
  for (const path of paths) {
    const response = await fetch(`${server.url}/api/plans/${id}${path}`);
    assert.deepEqual([response.status, await response.json()], [404, { detail: "Plan not found" }], path);
  }
  assert.equal((await server.counts()).running, 0);
});

test("what does not exist is 404 with a detail", async (t) => {
  const server = await testServer(t);
  const id = await server.create("Bakery");
  const details = { "/nothing": "Not Found", [`/api/plans/${id}/files/nothing`]: "File not found" };
  for (const [path, detail] of Object.entries(details)) {
    const response = await fetch(server.url + path);
    assert.deepEqual([response.status, await response.json()], [404, { detail }]);
  }
});

test("the SSE version has no artefacts, no fallback report, no WebSocket, and fails a failed pipeline", async (t) => {
  const server = await testServer(t, { behaviour: "sse-2025-09" });
  const id = await finished(server, "[stub lines=3 rate=300 exit=1]");
  assert.equal(await statusOf(server, `/api/plans/${id}/artefacts`), 404);
  assert.equal(await statusOf(server, `/api/plans/${id}/fallback-report`), 404);
  assert.equal(await statusOf(server, `/api/plans/${id}/report`), 404);
  await assert.rejects(server.ws(id), /404/);
  const plan = await server.plan(id);
  assert.deepEqual([plan.status, plan.error_message], ["failed", "The pipeline exited with an error"]);
});

test("the WebSocket version answers 410 where the SSE stream was, naming a fixed URL", async (t) => {
  const server = await testServer(t, { behaviour: "ws-2025-10" });
  const response = await fetch(`${server.url}/api/plans/x/stream`);
  const body = (await response.json()) as { websocket_url: string };
  assert.deepEqual([response.status, body.websocket_url], [410, "ws://localhost:8080/ws/plans/x/progress"]);
});

test("list-500: the list of plans is answered with 500, and nothing else is", async (t) => {
  const server = await testServer(t, { faults: ["list-500"] });
  const id = await server.create("[stub lines=1 rate=100]");
  const response = await fetch(`${server.url}/api/plans`);
  assert.equal(response.status, 500);
  assert.match(await response.text(), /"detail":"Failed to get plans/);
  assert.equal((await server.plan(id)).plan_id, id);
});

test("ws-thin-report: the fallback report holds next to nothing, and is not there before the end", async (t) => {
  const server = await testServer(t, { faults: ["ws-thin-report"] });
  const id = await server.create("[stub lines=20 rate=100 exit=1]");
  const path = `/api/plans/${id}/fallback-report`;
  const client = await server.ws(id);
  await client.messages(5);
  assert.equal((await fetch(server.url + path)).status, 404);
  await client.closed;
  const report = await server.json<{ completion_percentage: number; missing_sections: object[] }>(path);
  assert.equal(report.completion_percentage, 3.6);
  assert.ok(report.missing_sections.length > 10);
});
