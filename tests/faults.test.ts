import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { RunRecord, Transport } from "../record/record.ts";
import type { TargetId } from "../thresholds/targets.ts";
import { countsOf, k6, onlyRecord, server, temporaryDirectory } from "./harness.ts";

/** A fault, and the targets that it makes the suite miss. Written by hand from what the fault is. */
interface Expectation {
  fault: string;
  transport: Transport;
  missed: TargetId[];
  /** Targets that may be missed or met by chance, and why. */
  either?: TargetId[];
}

const EXPECTED: Expectation[] = [
  // Each message reaches one of the clients; one client is told the end, the others hang.
  {
    fault: "sse-shared-queue",
    transport: "sse",
    missed: ["message-delivery", "clean-outcomes", "reconnection-loss"],
  },
  // Whoever returns is refused; whoever stayed hears nothing more.
  {
    fault: "sse-queue-removed",
    transport: "sse",
    missed: [
      "connection-success",
      "message-delivery",
      "reconnection-success",
      "reconnection-loss",
      "clean-outcomes",
    ],
  },
  // The stream of a plan that never started says nothing for ever.
  { fault: "sse-endless-stream", transport: "sse", missed: ["clean-outcomes"] },
  { fault: "sse-poll=300", transport: "sse", missed: ["message-latency"] },
  // Orphaned sockets: open, and silent. Half of them, so that returning clients are among them.
  {
    fault: "ws-orphan=0.5",
    transport: "ws",
    missed: ["connection-success", "message-delivery", "reconnection-success", "clean-outcomes"],
    // An orphan that returns sees nothing of its gap; without one, all is replayed.
    either: ["reconnection-loss"],
  },
  { fault: "ws-no-replay", transport: "ws", missed: ["reconnection-loss"] },
  // Streams of unknown, finished and deleted plans are accepted, and silent for ever.
  { fault: "ws-silent-stream", transport: "ws", missed: ["clean-outcomes"] },
];

async function suiteOn(t: TestContext, transport: Transport, ...serverArgs: string[]) {
  const target = await server(t, ...serverArgs);
  const directory = temporaryDirectory(t);
  const settings = { BASE_URL: target.url, TRANSPORT: transport, OUT_DIR: directory };
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
      const { code, record, stderr, counts } = await suiteOn(t, transport);
      assert.deepEqual(new Set(Object.values(verdicts(record))), new Set(["met"]));
      assert.equal(record.targets.length, 8);
      assert.equal(record.state, "complete");
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /level=(error|warning)/);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }

  for (const { fault, transport, missed, either = [] } of EXPECTED) {
    test(`${fault}: exactly what it breaks is missed`, async (t) => {
      const { code, record, counts } = await suiteOn(t, transport, "--fault", fault);
      const seen = having(record, "missed").filter((id) => !either.includes(id as TargetId));
      assert.deepEqual(seen.sort(), missed.toSorted(), JSON.stringify(verdicts(record)));
      assert.deepEqual(having(record, "no data", "not measured", "at the edge"), []);
      assert.equal(code, 99);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }

  test("sse-poll=100: latency up to 100 ms is at the edge or met", async (t) => {
    const { record } = await suiteOn(t, "sse", "--fault", "sse-poll=100");
    const { "message-latency": latency, ...others } = verdicts(record);
    assert.ok(latency === "met" || latency === "at the edge", latency);
    assert.deepEqual(new Set(Object.values(others)), new Set(["met"]));
  });

  test("orphaned sockets are counted exactly as the server counts them", async (t) => {
    const { record, counts } = await suiteOn(t, "ws", "--fault", "ws-orphan=0.4");
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
      const { code, record, stdout } = await suiteOn(t, transport, "--behaviour", behaviour);
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
