import assert from "node:assert/strict";
import { test } from "node:test";
import { accessTo } from "./access.ts";

test("what a server repeats of the headers is hidden, with and without the scheme before it", () => {
  const { hide } = accessTo("http://h", {
    Authorization: "Bearer abc123",
    "X-Key": "longer key",
    "X-Tenant": "7",
  });
  assert.equal(hide("no Bearer abc123, and abc123, of longer key 7"), "no ***, and ***, of *** 7");
  assert.equal(accessTo("http://h", {}).hide("as it is"), "as it is");
});
