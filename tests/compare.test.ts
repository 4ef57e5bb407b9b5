import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { RunRecord } from "../record/record.ts";
import { ROOT, run, temporaryDirectory } from "./harness.ts";
import { realRecord } from "./records.ts";

const program = (name: string, ...args: string[]) =>
  run(process.execPath, [join(ROOT, "dist", `${name}.mjs`), ...args]).finished;

/** A directory of results with these runs. */
function results(t: TestContext, runs: Record<string, RunRecord>): string {
  const out = temporaryDirectory(t);
  for (const [runId, record] of Object.entries(runs)) {
    mkdirSync(join(out, runId));
    writeFileSync(join(out, runId, "run.json"), JSON.stringify({ ...record, runId }));
  }
  return out;
}

const [met, missed] = [realRecord("met"), realRecord("missed")];

describe("npm run compare", () => {
  test("finds what got worse, exits with 99, and writes every format", async (t) => {
    const out = results(t, { good: met, bad: missed });
    const { code, stdout } = await program("compare", "good", "bad", "--out", out);
    assert.equal(code, 99);
    assert.match(
      stdout,
      /Message delivery rate +100 % +✓ 100 % met +✗ 16\.16 % missed +~90 % +▼ worse −71\.17 points/,
    );
    const directory = readdirSync(out).find((name) => name.includes("comparison")) ?? "";
    assert.ok(stdout.endsWith(`report: ${join(out, directory, "report.html")}\n`));
    assert.deepEqual(readdirSync(join(out, directory)).sort(), [
      "comparison.json",
      "comparison.md",
      "junit.xml",
      "report.html",
    ]);
    const links = readFileSync(join(out, directory, "report.html"), "utf8").matchAll(/href="([^"]+)"/g);
    assert.deepEqual(
      [...links].map(([, link]) => link),
      ["../good/report.html", "../bad/report.html"],
    );
  });

  test("the same is the same, and what got better exits with 0", async (t) => {
    const out = results(t, { one: met, two: { ...met, startedAt: "2026-12-01T00:00:00.000Z" }, bad: missed });
    const same = await program("compare", "previous", "latest", "--out", out);
    assert.equal(same.code, 0, same.stderr);
    assert.doesNotMatch(same.stdout, /better [+−]|worse [+−]/);
    assert.equal((await program("compare", "bad", "one", "--out", out)).code, 0);
  });

  test("a record of an earlier schema is compared as far as it goes", async (t) => {
    const out = results(t, { old: realRecord("schema-1"), now: missed });
    const { code, stdout, stderr } = await program("compare", "old", "now", "--out", out);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /… not enough/);
  });

  test("what cannot be compared is one sentence, and nothing is written", async (t) => {
    const out = results(t, { one: met });
    for (const [args, sentence] of [
      [["one"], /^a comparison needs two sides, e\.g\. npm run compare -- previous latest\n$/],
      [["one", "nope"], /^"nope" is no record, directory, baseline, run or release/],
      [["previous", "latest"], /^"previous" is no record/],
    ] as const) {
      const { code, stdout, stderr } = await program("compare", ...args, "--out", out);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.equal(stdout, "");
    }
    assert.deepEqual(readdirSync(out), ["one"]);
  });
});

test("npm run baseline marks a run that later ones are held against", async (t) => {
  const out = results(t, { one: met });
  assert.equal((await program("baseline", "--out", out)).stdout, `no baselines in ${out}\n`);
  assert.equal((await program("baseline", "--save", "spring", "--out", out)).stdout, "spring: one\n");
  assert.equal((await program("baseline", "--out", out)).stdout, "spring: one\n");
  writeFileSync(join(out, "baselines", "broken.json"), "{");
  const { stdout } = await program("baseline", "--out", out);
  assert.match(stdout, /^broken: .*broken\.json is not a baseline: .*\nspring: one\n$/);
  const refused = await program("baseline", "--save", "a/b", "--out", out);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^"a\/b" cannot name a baseline: allowed are/);
  assert.equal((await program("compare", "spring", "latest", "--out", out)).code, 0);
});

test("npm run history lists, filters, and writes its pages; what is broken is listed and hides nothing", async (t) => {
  const out = results(t, {
    good: met,
    bad: missed,
    cut: realRecord("interrupted"),
    old: realRecord("schema-1"),
  });
  mkdirSync(join(out, "broken"));
  writeFileSync(join(out, "broken", "run.json"), '{"schema":2,');
  const all = await program("history", "--out", out);
  assert.equal(all.code, 0, all.stderr);
  for (const name of ["good", "bad", "cut", "old"]) assert.match(all.stdout, new RegExp(`  ${name}$`, "m"));
  assert.match(all.stdout, /^! broken: .*not JSON, or only a part of it$/m);
  for (const page of ["history.html", "index.html"]) assert.ok(existsSync(join(out, page)));
  assert.match(readFileSync(join(out, "index.html"), "utf8"), /href="good\/report\.html"/);
  const filtered = await program("history", "--out", out, "--transport", "ws", "--verdict", "met");
  assert.match(filtered.stdout, /^1 of 4 runs$/m);
  assert.match(filtered.stdout, / {2}good$/m);
});
