import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Figure, Verdict } from "../bench/figures.ts";
import { run, temporaryDirectory } from "./harness.ts";

const bench = (...args: string[]) =>
  run(process.execPath, ["--import", "tsx", "bench/main.ts", ...args]).finished;

test("the benchmark measures k6 and its peers in one run, and its exit code is that of its verdicts", async (t) => {
  const file = join(temporaryDirectory(t), "figures.json");
  const { code, stdout, stderr } = await bench(
    "--quick",
    "--json",
    file,
    "cpu-account",
    "slow",
    "resolution",
  );
  const { figures } = JSON.parse(readFileSync(file, "utf8")) as {
    figures: (Figure & { verdict: Verdict })[];
  };
  assert.equal(figures.length, 12, stderr);
  for (const { what, over, ours, peers } of figures) {
    const values = [...ours, ...peers.flatMap((peer) => peer.values)];
    assert.ok(values.every(Number.isFinite) && peers.length > 0, `${what} over ${over}: ${values}`);
    assert.ok(stdout.includes(what));
  }
  assert.equal(
    code,
    figures.every(({ verdict }) => verdict === "met" || verdict === "shown") ? 0 : 1,
    stdout,
  );
});

test("at a rate both clients receive all of it in one round, and the round is told", async (t) => {
  const file = join(temporaryDirectory(t), "figures.json");
  const { stderr } = await bench("--quick", "--json", file, "rate-600");
  const { figures } = JSON.parse(readFileSync(file, "utf8")) as { figures: Figure[] };
  assert.equal(figures.length, 10, stderr);
  for (const { what, note } of figures.filter((figure) => figure.what.endsWith("p99") && figure.limit)) {
    assert.match(note ?? "", /^Go kept up in [01] of 1 rounds: \d+\.\d × \(\d+\.\d to \d+\.\d ms\)/, what);
  }
});

test("the benchmark names its rows to whoever asks for one that is not there", async () => {
  const { code, stderr } = await bench("latency");
  assert.equal(code, 1);
  assert.match(stderr, /'latency' is invalid .* Allowed choices are cpu-empty, cpu-account, .*long-memory/);
});

test("the model of the merge joins as many of the largest records as it is told", async () => {
  const { code, stdout, stderr } = await run(process.execPath, ["--import", "tsx", "bench/merge.ts", "3"])
    .finished;
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^3 records of 2\.\d MiB: [\d.]+ s, [\d.]+ MiB at most, the whole 2\.\d MiB, complete$/m,
  );
});
