import assert from "node:assert/strict";
import { test } from "node:test";
import { BEHAVIOUR_NAMES, describeFaults, FaultError, faultsOf, listFaults } from "./faults.ts";

test("a behaviour has its faults, and those added override their values", () => {
  assert.equal(describeFaults("healthy", faultsOf("healthy", [])), "healthy");
  assert.equal(
    describeFaults("sse-2025-09", faultsOf("sse-2025-09", ["sse-poll=50"])),
    "sse-2025-09: sse-shared-queue, sse-queue-removed, sse-endless-stream, sse-poll=50, sse-delete-race=0, sse-unwatched-leak=427, sse-pool=30000, list-newest=100, status-lag=15",
  );
  assert.equal(
    describeFaults("ws-2025-10", faultsOf("ws-2025-10", [])),
    "ws-2025-10: ws-orphan=0.06, ws-no-replay, ws-silent-stream, ws-pool=30000, ws-delete-500=0.05, ws-thin-report=0.036, ws-step=100, list-newest=100, status-lag=15",
  );
  assert.deepEqual(
    [...faultsOf("healthy", ["ws-orphan=1", "sse-poll"])],
    [
      ["ws-orphan", 1],
      ["sse-poll", 100],
    ],
  );
});

const WRONG = {
  "": /unknown fault ''/,
  toString: /unknown fault 'toString'; the faults are sse-shared-queue,/,
  "sse-shared-queue=1": /'sse-shared-queue' takes no value, '1' was given/,
  "ws-orphan=1.5": /'ws-orphan' takes a rate from 0 to 1, '1.5' was given/,
  "ws-orphan=": /'ws-orphan' takes a rate from 0 to 1, '' was given/,
  "sse-poll=-1": /'sse-poll' takes whole milliseconds from 1 to 600000, '-1' was given/,
  "sse-poll=2.5": /'sse-poll' takes whole milliseconds/,
  "crash=2": /'crash' takes a rate from 0 to 1, '2' was given/,
  "idle-cpu=1.1": /'idle-cpu' takes a share from 0 to 1, '1.1' was given/,
  "slowdown=5": /'slowdown' takes an exponent from 0 to 4, '5' was given/,
  "memory-leak=0": /'memory-leak' takes whole KiB from 1 to 1048576, '0' was given/,
  "file-leak=1.5": /'file-leak' takes a whole number from 1 to 1000, '1.5' was given/,
  "throttle=0": /'throttle' takes whole messages a second from 1 to 20000, '0' was given/,
  "no-fallback-report=1": /'no-fallback-report' takes no value, '1' was given/,
};

for (const [fault, message] of Object.entries(WRONG)) {
  test(`wrong fault: ${fault}`, () => {
    assert.throws(
      () => faultsOf("healthy", [fault]),
      (error) => {
        assert.ok(error instanceof FaultError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("a fault of a stream that the behaviour does not offer is refused", () => {
  assert.throws(() => faultsOf("ws-2025-10", ["sse-poll"]), /needs a stream that behaviour 'ws-2025-10'/);
});

test("a fault that is not one of a stream's is there in every behaviour", () => {
  for (const name of BEHAVIOUR_NAMES) {
    assert.equal(faultsOf(name, ["slowdown=1.5"]).get("slowdown"), 1.5);
  }
});

test("the list names each fault with its default and each behaviour", () => {
  assert.match(listFaults(), /^ {2}sse-poll=100 +sse +Each stream looks/m);
  assert.match(listFaults(), /^ {2}ws-2025-10: ws-orphan=0\.06, ws-no-replay/m);
});
