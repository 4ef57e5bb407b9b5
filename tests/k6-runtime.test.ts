import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { bundleForK6 } from "../bundle.mjs";
import { k6Binary } from "../cli/k6.ts";
import { run, temporaryDirectory } from "./harness.ts";

test("in k6's own runtime, a stream ends in exactly the outcome that its case says", async (t) => {
  const directory = temporaryDirectory(t);
  await bundleForK6(["tests/k6/stream.ts"], directory);
  const { code, stderr } = await run(k6Binary(), ["run", "--quiet", join(directory, "stream.js")]).finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /17 cases/);
});
