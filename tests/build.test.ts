import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "./harness.ts";

describe("a k6 without our extension", () => {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const stock = join(directory, "k6");
  before(async () => {
    const { finished } = run("go", ["build", "-o", stock, "go.k6.io/k6/v2"], {}, join(ROOT, "xk6-sse"));
    const { code, stderr } = await finished;
    assert.equal(code, 0, stderr);
  });
  after(() => rmSync(directory, { recursive: true }));

  test("stops a script with one sentence that says what to do", async () => {
    const { code, stderr } = await run(stock, ["run", "--quiet", "dist/suite.js"]).finished;
    assert.equal(code, 108);
    assert.match(
      stderr,
      /this k6 has no module k6\/x\/sse, or an older one: run the k6 of this project \(npm run build makes bin\/k6\)/,
    );
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  });

  test("is refused as K6_BIN", async () => {
    const { code, stderr } = await run(process.execPath, ["build.mjs"], { K6_BIN: stock }).finished;
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `K6_BIN is "${stock}", a k6 without our extension: build one with xk6-sse, or unset K6_BIN\n`,
    );
  });
});

describe("the build", () => {
  test("says what to do where k6 is to be built and Go is missing", async (t) => {
    const cached = join(ROOT, "bin", "k6");
    renameSync(cached, `${cached}.kept`);
    t.after(() => renameSync(`${cached}.kept`, cached));
    const { code, stderr } = await run(process.execPath, ["build.mjs"], { PATH: "" }).finished;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^Go is needed to build k6, and is not there: install Go 1\.25 or newer, or set K6_BIN .*\n$/,
    );
  });

  test("refuses a K6_BIN that cannot be run", async () => {
    const { code, stderr } = await run(process.execPath, ["build.mjs"], { K6_BIN: "/nowhere/k6" }).finished;
    assert.equal(code, 1);
    assert.match(stderr, /^K6_BIN is "\/nowhere\/k6", which cannot be run \(ENOENT\)/);
  });

  test("does not build k6 again while its sources are the same", async () => {
    const built = () => statSync(join(ROOT, "bin/k6")).mtimeMs;
    const earlier = built();
    assert.equal((await run(process.execPath, ["build.mjs"]).finished).code, 0);
    assert.equal(built(), earlier);
  });

  test("keeps the bundle of the suite under 250 KB", () => {
    assert.ok(readFileSync(join(ROOT, "dist/suite.js")).length < 250_000);
  });
});
