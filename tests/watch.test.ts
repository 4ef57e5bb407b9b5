import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run, server, until } from "./harness.ts";

const watch = (...args: string[]) =>
  run("npm", ["run", "--silent", "watch", "--", ...args], {
    // What k6 would do by itself: ask the network for the names of extensions.
    K6_AUTO_EXTENSION_RESOLUTION: "true",
  });

describe("npm run watch", () => {
  test("refuses wrong input with one sentence", async () => {
    const wrong: [string[], RegExp][] = [
      [[], /which process\? Give --pid or --port, one of the two/],
      [["--port", "1"], /no process that this user may look into listens on port 1 of this machine/],
      [["--prot", "8080"], /unknown flag: --prot; see k6 x watch --help/],
    ];
    for (const [args, sentence] of wrong) {
      const { code, stdout, stderr } = await watch(...args).finished;
      assert.notEqual(code, 0);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
      assert.equal(stdout, "");
    }
  });

  test("serves the figures of a server until it is told to end", async (t) => {
    const target = await server(t, "--no-metrics");
    const { child, output, finished } = watch("--listen", "0", "--port", new URL(target.url).port);
    await until(async () => output.stdout.includes("\n"));
    const url = output.stdout.replace("SERVER_METRICS_URL=", "").trim();
    const text = await (await fetch(url)).text();
    assert.match(text, /^process_resident_memory_bytes [\d.e+]+$/m);
    await target.stop();
    assert.equal((await fetch(url)).status, 503);
    child.kill("SIGTERM");
    const { code, stderr } = await finished;
    assert.deepEqual([code, stderr], [0, ""]);
    await assert.rejects(fetch(url), "it still serves");
  });
});
