import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RunRecord } from "../record/record.ts";
import { PHASES } from "../thresholds/endurance.ts";
import { median } from "../thresholds/slope.ts";
import type { TargetId } from "../thresholds/targets.ts";
import { FAULT_MATRIX } from "./fault-matrix.ts";
import { deviations, deviationsOf, play, playFault } from "./play.ts";

const verdicts = ({ targets }: RunRecord) =>
  Object.fromEntries(targets.map(({ id, verdict }) => [id, verdict]));
const having = (record: RunRecord, ...wanted: string[]) =>
  record.targets.filter(({ verdict }) => wanted.includes(verdict)).map(({ id }) => id);

/** By how many KiB a second the server's memory grew under load, by the slope that the verdict rests on. */
function growthPerSecond({ samples, targets }: RunRecord): number {
  const percentPerHour = targets.find(({ id }) => id === "memory-stability")?.value ?? Number.NaN;
  const memory = samples.kept.flatMap(({ phase, residentBytes }) =>
    phase === PHASES.load && residentBytes !== null ? [residentBytes] : [],
  );
  return ((percentPerHour / 100) * median(memory)) / 3_600 / 1_024;
}

describe("the whole suite in profile smoke", { concurrency: 1 }, () => {
  for (const transport of ["sse", "ws"] as const) {
    test(`healthy over ${transport}: every target is met`, async () => {
      const { code, record, stderr, counts } = await play({ transport });
      assert.deepEqual(deviations(record, { missed: [] }), []);
      assert.equal(record.targets.length, 11);
      assert.equal(record.state, "complete");
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /level=(error|warning)/);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }
});

describe("faults in profile smoke", { concurrency: 3 }, () => {
  for (const expectation of FAULT_MATRIX.filter(({ inTests }) => inTests)) {
    test(`${expectation.fault}: exactly what it breaks is missed`, async () => {
      const { code, record, counts } = await playFault(expectation);
      assert.deepEqual(deviationsOf(record, expectation), []);
      assert.equal(code, 99);
      assert.equal(counts.plans, 0, "plans are left on the server");
    });
  }

  test("sse-poll=100: latency up to 100 ms is at the edge or met", async () => {
    const { record } = await play({
      transport: "sse",
      tests: ["basic-connection", "multiple-clients"],
      serverArgs: ["--fault", "sse-poll=100"],
    });
    const { "message-latency": latency, ...others } = verdicts(record);
    assert.ok(latency === "met" || latency === "at the edge", latency);
    assert.deepEqual(new Set(Object.values(others)), new Set(["met"]));
  });

  test("a leak of ten times what a healthy server grows by in a short run is missed, and that is not", async () => {
    const endurance = { transport: "ws", tests: ["endurance"] } as const;
    // Of a small process, so that ten times its slope is more than a quarter of it within the test.
    const small = ["--memory", "0"];
    const { record } = await play({ ...endurance, serverArgs: small });
    assert.equal(verdicts(record)["memory-stability"], "not measured");
    const kib = Math.ceil(10 * growthPerSecond(record));
    const leaking = await play({ ...endurance, serverArgs: [...small, "--fault", `memory-leak=${kib}`] });
    const grown = leaking.record.targets.find(({ id }) => id === "memory-stability");
    assert.equal(grown?.verdict, "missed", `${kib} KiB/s: ${grown?.reason}`);
  });

  test("orphaned sockets are counted exactly as the server counts them", async () => {
    const { record, counts } = await play({
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

  test("k6's own WebSocket comes to the same verdicts as ours", async () => {
    const [ours, theirs] = await Promise.all(
      ["xk6", "k6"].map((WS_CLIENT) =>
        play({
          transport: "ws",
          tests: ["basic-connection", "multiple-clients", "reconnection"],
          serverArgs: ["--fault", "ws-no-replay", "--fault", "ws-silent-stream"],
          settings: { WS_CLIENT },
        }),
      ),
    );
    assert.ok(ours !== undefined && theirs !== undefined);
    assert.deepEqual(verdicts(theirs.record), verdicts(ours.record));
    assert.deepEqual(
      theirs.record.tests.map(({ outcomes }) => outcomes),
      ours.record.tests.map(({ outcomes }) => outcomes),
    );
  });

  for (const [behaviour, transport] of [
    ["sse-2025-09", "sse"],
    ["ws-2025-10", "ws"],
  ] as const) {
    test(`${behaviour}: the version as it really is misses targets`, async () => {
      const { code, record, stdout } = await play({
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
