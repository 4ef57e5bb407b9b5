import assert from "node:assert/strict";
import { test } from "node:test";
import { TRANSPORTS } from "../record/record.ts";
import { manyStreams } from "./many-streams.ts";

for (const transport of TRANSPORTS) {
  test(`a thousand streams over ${transport} in one k6: every message of every stream is accounted for`, async () => {
    assert.deepEqual(await manyStreams({ transport, streams: 1_000, seconds: 8 }), []);
  });
}
