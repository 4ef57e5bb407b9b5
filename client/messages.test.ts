import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFrame, parseRefusal } from "./messages.ts";

test("frames of both transports become the same messages", () => {
  const cases: [object, object][] = [
    [{ type: "log", message: "x", timestamp: "t" }, { kind: "log" }],
    [{ type: "error", message: "stderr", timestamp: "t" }, { kind: "log" }],
    [
      { type: "status", status: "completed", message: "m" },
      { kind: "status", status: "completed", text: "m" },
    ],
    [{ type: "connection", status: "connected" }, { kind: "alive" }],
    [{ type: "heartbeat", timestamp: "t" }, { kind: "alive" }],
    [{ type: "stream_end", message: "m" }, { kind: "end" }],
  ];
  for (const [frame, message] of cases) assert.deepEqual(parseFrame(JSON.stringify(frame)), message);
});

test("what has no type is malformed", () => {
  for (const text of ["", "{", "[]", "null", '{"type":7}', '{"type":""}', "x".repeat(5_000)]) {
    const message = parseFrame(text);
    assert.equal(message.kind, "malformed", text.slice(0, 20));
  }
});

test("a type that a newer server has is unknown, and not malformed", () => {
  const text = '{"type":"llm_stream","delta":"x"}';
  assert.deepEqual(parseFrame(text), { kind: "unknown", type: "llm_stream", text });
});

test("an SSE error event is a refusal, whatever its data", () => {
  assert.deepEqual(parseRefusal('{"message":"Plan not found"}'), { kind: "refusal", text: "Plan not found" });
  assert.deepEqual(parseRefusal("oops"), { kind: "refusal", text: "oops" });
});
