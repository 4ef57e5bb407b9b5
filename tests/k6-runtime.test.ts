import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { bundleForK6 } from "../bundle.mjs";
import { k6Binary } from "../cli/k6.ts";
import { run, temporaryDirectory, until } from "./harness.ts";

test("in k6's own runtime, a stream ends in exactly the outcome that its case says", async (t) => {
  const directory = temporaryDirectory(t);
  await bundleForK6(["tests/k6/stream.ts"], directory);
  const { code, stderr } = await run(k6Binary(), ["run", "--quiet", join(directory, "stream.js")]).finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /21 cases/);
});

test("a stream closed while it still connects does not hold its virtual user", async (t) => {
  const directory = temporaryDirectory(t);
  await bundleForK6(["tests/k6/closing.ts"], directory);
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const SILENT_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const { output, finished } = run(k6Binary(), ["run", "--quiet", join(directory, "closing.js")], {
    SILENT_URL,
  });
  await until(async () => output.stderr.includes("closed all"));
  assert.match(output.stderr, /closed all 3, 0 opened/);
  for (const socket of sockets) socket.destroy();
  assert.equal((await finished).code, 0);
});
