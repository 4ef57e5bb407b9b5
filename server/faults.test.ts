import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFaults, FaultError, faultsOf, listFaults } from "./faults.ts";

test("a behaviour has its faults, and those added override their values", () => {
  assert.equal(describeFaults("healthy", faultsOf("healthy", [])), "healthy");
  assert.equal(
    describeFaults("sse-2025-09", faultsOf("sse-2025-09", ["sse-poll=50"])),
    "sse-2025-09: sse-shared-queue, sse-queue-removed, sse-endless-stream, sse-poll=50",
  );
  assert.equal(
    describeFaults("ws-2025-10", faultsOf("ws-2025-10", [])),
    "ws-2025-10: ws-orphan=0.1667, ws-no-replay, ws-silent-stream",
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

test("the list names each fault with its default and each behaviour", () => {
  assert.match(listFaults(), /^ {2}sse-poll=100 +sse +Each stream looks/m);
  assert.match(listFaults(), /^ {2}ws-2025-10: ws-orphan=0\.1667, ws-no-replay/m);
});
