import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { Judged } from "../record/record.ts";
import { sampleRecord } from "../record/testing.ts";
import { runResults } from "../reports/json.ts";
import { messageOf, notify, readNotifier } from "./notification.ts";

const missed: Judged = {
  id: "message-latency",
  verdict: "missed",
  value: 300,
  unit: "ms",
  target: "< 100 ms",
  observations: 9,
  interval: null,
  reason: "",
};

const run = (...targets: Judged[]) => runResults(sampleRecord({ runId: "r1", targets }));

/** A webhook that answers with `status`, and what it was sent. */
async function webhook(t: TestContext, status: number) {
  const bodies: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(JSON.parse(body));
    response.writeHead(status).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret`, bodies };
}

test("a message says the verdict, what was missed, and where the reports are", () => {
  const comparison = { baseline: "spring", isWorse: true, directory: "c1" };
  const message = messageOf(
    {
      exitCode: 99,
      runs: [run(missed, { ...missed, id: "responsiveness", verdict: "no data" })],
      comparison,
      failures: [],
    },
    "results",
    "https://reports.test/x/",
  );
  assert.equal(
    message.text,
    "✗ Plan load tests: missed\nSSE, release dev: not met: message-latency (missed), responsiveness (no data) (https://reports.test/x/r1/report.html)\n" +
      "worse than baseline spring (https://reports.test/x/c1/report.html)",
  );
  assert.deepEqual(
    [message.verdict, message.runs[0]?.missed, message.runs[0]?.noData, message.comparison?.worse],
    ["missed", ["message-latency"], ["responsiveness"], true],
  );
  const others = [0, 105].map((exitCode) =>
    messageOf({ exitCode, runs: [run()], comparison: null, failures: [] }, "results"),
  );
  assert.deepEqual(
    others.map(({ verdict }) => verdict),
    ["passed", "failed"],
  );
  assert.match(
    others[0]?.text ?? "",
    /^✓ Plan load tests: passed\n.*no target missed \(results\/r1\/report\.html\)$/,
  );
});

test("a job that failed after its runs says why", () => {
  const failures = ["there is no comparison with the baseline spring"];
  const message = messageOf({ exitCode: 1, runs: [run()], comparison: null, failures }, "results");
  assert.match(
    message.text,
    /the job failed \(exit code 1\)\n.*\nthere is no comparison with the baseline spring$/,
  );
});

test("the webhook is sent generic JSON, or Slack's shape", async (t) => {
  const { url, bodies } = await webhook(t, 200);
  const message = messageOf({ exitCode: 0, runs: [run()], comparison: null, failures: [] }, "results");
  await notify(readNotifier({ NOTIFY_URL: url }), message);
  await notify(readNotifier({ NOTIFY_URL: url, NOTIFY_FORMAT: "slack" }), message);
  await notify(readNotifier({}), message);
  assert.deepEqual(bodies, [JSON.parse(JSON.stringify(message)), { text: message.text }]);
});

test("what is wrong is told in one sentence that does not repeat the secret URL", async (t) => {
  const { url } = await webhook(t, 403);
  const message = messageOf({ exitCode: 0, runs: [], comparison: null, failures: [] }, "results");
  await assert.rejects(notify(readNotifier({ NOTIFY_URL: url }), message), {
    message: "the webhook in NOTIFY_URL answered 403: nobody was notified",
  });
  assert.throws(() => readNotifier({ NOTIFY_URL: "secret" }), { message: /^NOTIFY_URL is no URL/ });
  assert.throws(() => readNotifier({ NOTIFY_URL: "ftp://x/secret" }), { message: /^NOTIFY_URL is no URL/ });
  assert.throws(() => readNotifier({ REPORTS_URL: "results" }), { message: /^REPORTS_URL is no URL/ });
  assert.equal(readNotifier({ REPORTS_URL: "" }).REPORTS_URL, undefined);
  assert.throws(() => readNotifier({ NOTIFY_FORMAT: "teams" }), { message: /^NOTIFY_FORMAT is neither/ });
});
