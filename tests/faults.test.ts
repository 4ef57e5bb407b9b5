import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { RunRecord, Transport } from "../record/record.ts";
import type { TestName } from "../scenarios/names.ts";
import type { TargetId } from "../thresholds/targets.ts";
import { FAULT_MATRIX } from "./fault-matrix.ts";
import { countsOf, k6, onlyRecord, server, temporaryDirectory } from "./harness.ts";

interface SuiteRun {
  transport: Transport;
  /** The tests of the suite; all when not given. */
  tests?: readonly TestName[];
  serverArgs?: string[];
}

async function suiteOn(t: TestContext, { transport, tests = [], serverArgs = [] }: SuiteRun) {
  const target = await server(t, ...serverArgs);
  const directory = temporaryDirectory(t);
  const settings = { BASE_URL: target.url, TRANSPORT: transport, OUT_DIR: directory, ONLY: tests.join(",") };
  const { code, stdout, stderr } = await k6("suite", settings).finished;
  const record = onlyRecord(directory);
  return { code, stdout, stderr, record, counts: await countsOf(target) };
}

const verdicts = ({ targets }: RunRecord) =>
  Object.fromEntries(targets.map(({ id, verdict }) => [id, verdict]));
const having = (record: RunRecord, ...wanted: string[]) =>
  record.targets.filter(({ verdict }) => wanted.includes(verdict)).map(({ id }) => id);

describe("the suite in profile smoke", { concurrency: 3 }, () => {
  for (const transport of ["sse", "ws"] as const) {
    test(`healthy over ${transport}: every target is met`, async (t) => {
      const { code, record, stderr, counts } = await suiteOn(t, { transport });
      assert.deepEqual(new Set(Object.values(verdicts(record))), new Set(["met"]));
      assert.equal(record.targets.length, 11);
      assert.equal(record.state, "complete");
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /level=(error|warning)/);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }

  for (const { fault, transport, tests, missed, either = [] } of FAULT_MATRIX.filter(
    ({ inTests }) => inTests,
  )) {
    test(`${fault}: exactly what it breaks is missed`, async (t) => {
      const { code, record, counts } = await suiteOn(t, { transport, tests, serverArgs: ["--fault", fault] });
      const seen = having(record, "missed").filter((id) => !either.includes(id as TargetId));
      assert.deepEqual(seen.sort(), missed.toSorted(), JSON.stringify(verdicts(record)));
      assert.deepEqual(having(record, "no data", "not measured", "at the edge"), []);
      assert.equal(code, 99);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }

  test("sse-poll=100: latency up to 100 ms is at the edge or met", async (t) => {
    const { record } = await suiteOn(t, {
      transport: "sse",
      tests: ["basic-connection", "multiple-clients"],
      serverArgs: ["--fault", "sse-poll=100"],
    });
    const { "message-latency": latency, ...others } = verdicts(record);
    assert.ok(latency === "met" || latency === "at the edge", latency);
    assert.deepEqual(new Set(Object.values(others)), new Set(["met"]));
  });

  test("orphaned sockets are counted exactly as the server counts them", async (t) => {
    const { record, counts } = await suiteOn(t, {
      transport: "ws",
      tests: ["basic-connection", "multiple-clients", "reconnection"],
      serverArgs: ["--fault", "ws-orphan=0.4"],
    });
    const starved = record.streams.kept.filter(({ outcome }) => outcome === "starved");
    assert.ok(counts.orphans > 0);
    assert.equal(starved.length, counts.orphans);
    assert.ok(starved.every(({ firstMessageMs, openedAt }) => firstMessageMs === null && openedAt !== null));
    const missed = having(record, "missed");
    assert.ok(missed.includes("connection-success") && missed.includes("message-delivery"), missed.join());
  });

  for (const [behaviour, transport] of [
    ["sse-2025-09", "sse"],
    ["ws-2025-10", "ws"],
  ] as const) {
    test(`${behaviour}: the version as it really is misses targets`, async (t) => {
      const { code, record, stdout } = await suiteOn(t, {
        transport,
        tests: ["basic-connection", "multiple-clients", "reconnection"],
        serverArgs: ["--behaviour", behaviour],
      });
      assert.equal(code, 99);
      assert.equal(record.target.simulated, true);
      assert.match(stdout, new RegExp(`SIMULATED SERVER \\(${behaviour}`));
      const missed = having(record, "missed");
      const documented: TargetId[] =
        transport === "sse"
          ? ["message-delivery", "reconnection-success", "reconnection-loss", "clean-outcomes"]
          : ["reconnection-loss", "clean-outcomes"];
      for (const id of documented) assert.ok(missed.includes(id), `${id} is ${verdicts(record)[id]}`);
    });
  }
});
