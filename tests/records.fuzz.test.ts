import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { summaryOf } from "../cli/results.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { compareRuns } from "../reports/comparison.ts";
import { renderComparison } from "../reports/comparison-html.ts";
import { comparisonView } from "../reports/comparison-view.ts";
import { historyView, indexView, runRow } from "../reports/history.ts";
import { renderHistory, renderIndex } from "../reports/history-html.ts";
import { renderRun } from "../reports/html.ts";
import { runResults } from "../reports/json.ts";
import { comparisonJUnit, runJUnit } from "../reports/junit.ts";
import { comparisonMarkdown } from "../reports/markdown.ts";
import { comparisonTable, historyTable, runTable } from "../reports/terminal.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { run, temporaryDirectory } from "./harness.ts";
import { RECORDS, realRecord } from "./records.ts";

const TEXTS = Object.values(RECORDS).map((record) => JSON.stringify(record));
/** FUZZ_RUNS=10000 looks for longer. */
const RUNS = Number(process.env.FUZZ_RUNS) || 200;

/**
 * What JSON may hold in place of a value of each type, as text: what is odd, and fits. 1e999 is infinite, which no number
 * of JavaScript's says as JSON.
 */
const ODD: Record<string, readonly string[]> = {
  number: ["-1", "0", "0.5", "1e-320", "1e999", "-1e999", "1e21", "8640000000000001", "4294967296", "1e308"],
  string: [
    '""',
    '"constructor"',
    '"__proto__"',
    '"../../elsewhere"',
    '"\\u0000\\ud800</script>"',
    '"9999-of-9999"',
    '"2-of-3"',
    '"1000000000-of-1000000000"',
    '"+275760-09-13T00:00:00.000Z"',
    '"1970"',
    '"connection-success"',
    '"no data"',
  ],
  boolean: ["true", "false"],
  object: [
    "null",
    "[]",
    "{}",
    '{"":0}',
    '{"__proto__":{"x":1}}',
    '{"-1":1,"1e9":5,"x":2,"5":-3,"7":1e999}',
    "[[]]",
  ],
};
const ALL_ODD = Object.values(ODD).flat();

const MARK = "\u0001here\u0001";

/** A place in a record, as a walk from its root: at each step one of the members, chosen by a share. */
const share = fc.nat(9_999).map((n) => n / 10_000);
const place = fc.array(share, {
  minLength: 1,
  maxLength: 8,
});

function walk(root: object, shares: readonly number[]): { parent: Record<string, unknown>; key: string } {
  let parent = root as Record<string, unknown>;
  for (const [i, share] of shares.entries()) {
    const keys = Object.keys(parent);
    const key = keys[Math.floor(share * keys.length)] ?? "";
    const child = parent[key];
    const isEnd =
      i === shares.length - 1 ||
      typeof child !== "object" ||
      child === null ||
      Object.keys(child).length === 0;
    if (isEnd) return { parent, key };
    parent = child as Record<string, unknown>;
  }
  throw new Error("no steps");
}

const HOW = ["odd", "odd", "odd", "odd", "odd", "anything", "remove", "add", "repeat"] as const;
type Mutation = { at: number[]; how: (typeof HOW)[number]; odd: number; value: string };
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: place,
  how: fc.constantFrom(...HOW),
  odd: fc.nat(1_000),
  value: fc.oneof(fc.constantFrom(...ALL_ODD), fc.json({ maxDepth: 2 })),
});

/** A record's JSON with something in it replaced, gone, added or there again and again. */
function mutated(text: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((before, { at, how, odd, value }) => {
    const root = JSON.parse(before) as object;
    const { parent, key } = walk(root, at);
    const child = parent[key];
    const fitting = ODD[typeof child] ?? ALL_ODD;
    if (how === "remove") delete parent[key];
    else if (how === "add") parent[`${key}x`] = MARK;
    else if (how === "repeat" && Array.isArray(parent)) parent.push(...parent.slice(0, 3));
    else parent[key] = MARK;
    const put = how === "odd" ? fitting[odd % fitting.length] : value;
    return JSON.stringify(root).replace(JSON.stringify(MARK), () => put ?? "");
  }, text);
}

const record = fc
  .tuple(fc.constantFrom(...TEXTS), fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([text, mutations]) => mutated(text, mutations));

/** A user is told what is wrong in one sentence: no fault of the program's own. */
function assertSentence(error: unknown): void {
  assert.ok(
    error instanceof Error && error.constructor === Error,
    error instanceof Error ? error.stack : String(error),
  );
  assert.match(error.message, /^.{10,600}$/u, error.message);
}

function readOrRefuse(text: string): RunRecord | undefined {
  try {
    return parseRecord(text, "run.json");
  } catch (error) {
    assertSentence(error);
    assert.match((error as Error).message, /^run\.json is not a record of a run: /);
    return undefined;
  }
}

const other = realRecord("met");

/** Everything that reads records, in full. */
const READERS: Record<string, (record: RunRecord) => string> = {
  report: renderRun,
  junit: runJUnit,
  json: (one) => JSON.stringify(runResults(one)),
  terminal: (one) => runTable(one),
  history(one) {
    const runs = [summaryOf(one, "results/x"), summaryOf(other, "results/y")];
    const pages = [renderHistory(historyView(runs, [], "")), renderIndex(indexView(runs, [], []))];
    return [...pages, historyTable(runs.map(runRow), [])].join("\n");
  },
  compare(one) {
    const side = (label: string, records: RunRecord[]) => ({
      label,
      records,
      reports: [""],
      calibration: null,
    });
    const sides = [side("a", [one]), side("b", [other]), side("c", [one, one])];
    const comparison = compareRuns(sides);
    const view = comparisonView(comparison, sides);
    const texts = [
      renderComparison(view),
      comparisonMarkdown(view),
      comparisonJUnit(comparison),
      comparisonTable(view),
    ];
    return [...texts, JSON.stringify(comparison)].join("\n");
  },
};

/** What is merged is read as well. */
function mergeAndRead(...parts: RunRecord[]): void {
  try {
    const merged = mergeRecords(structuredClone(parts));
    for (const read of Object.values(READERS)) read(merged);
  } catch (error) {
    assertSentence(error);
  }
}

test("any mutated record is read by everything that reads records, or refused in one sentence", () => {
  let readable = 0;
  fc.assert(
    fc.property(record, (text) => {
      const one = readOrRefuse(text);
      if (one === undefined) return;
      readable++;
      const written = JSON.stringify(one);
      assert.equal(
        JSON.stringify(parseRecord(written, "run.json")),
        written,
        "not read back as it was written",
      );
      for (const [name, read] of Object.entries(READERS)) {
        assert.doesNotMatch(read(one), /\bNaN\b|\bInfinity\b|\[object Object\]/, name);
      }
      mergeAndRead(one);
      mergeAndRead(
        { ...one, instance: "1-of-3", instances: [] },
        { ...one, instance: "3-of-3", instances: [] },
      );
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
  );
  assert.ok(readable > RUNS / 10, `only ${readable} of ${RUNS} were read: the others were not worth much`);
});

test("a record cut short, with bytes flipped or of bytes at random is refused in one sentence, or read", () => {
  const flip = fc.record({ at: share, bits: fc.integer({ min: 1, max: 255 }) });
  const damaged = fc
    .tuple(fc.constantFrom(...TEXTS), fc.array(flip, { maxLength: 20 }), fc.oneof(fc.constant(1), share))
    .map(([text, flips, length]) => {
      const bytes = Buffer.from(text);
      for (const { at, bits } of flips)
        bytes.writeUInt8((bytes.at(at * bytes.length) ?? 0) ^ bits, Math.floor(at * bytes.length));
      return bytes.subarray(0, length * bytes.length);
    });
  const bytes = fc.oneof(damaged, fc.uint8Array().map(Buffer.from), fc.json().map(Buffer.from));
  fc.assert(
    fc.property(bytes, (content) => void readOrRefuse(content.toString("utf8"))),
    { numRuns: 4 * RUNS },
  );
});

test("records of all kinds of damage in one directory break no command, and take no good one with them", async (t) => {
  const out = temporaryDirectory(t);
  const broken = fc.sample(record, { numRuns: 30, seed: 7 });
  const extra = [
    "",
    "null",
    "[]",
    TEXTS[0]?.slice(0, 5_000) ?? "",
    "\u0000".repeat(1_000),
    "[".repeat(100_000),
  ];
  for (const [i, text] of [...broken, ...extra].entries()) {
    mkdirSync(join(out, `broken-${i}`));
    writeFileSync(join(out, `broken-${i}`, "run.json"), text);
  }
  for (const kind of ["met", "missed"]) {
    mkdirSync(join(out, kind));
    writeFileSync(join(out, kind, "run.json"), JSON.stringify(realRecord(kind)));
  }
  mkdirSync(join(out, "comparison"));
  writeFileSync(join(out, "comparison", "comparison.json"), '{"candidates":[{}]}');
  cpSync(join(out, "broken-30"), join(out, "merged", "2-of-2"), { recursive: true });
  mkdirSync(join(out, "merged", "1-of-2"));
  writeFileSync(
    join(out, "merged", "1-of-2", "run.json"),
    JSON.stringify({ ...realRecord("met"), instance: "1-of-2" }),
  );
  const commands: [code: number[], args: string[]][] = [
    [[0], ["dist/history.mjs", "--out", out]],
    [
      [0, 99],
      ["dist/compare.mjs", join(out, "met"), join(out, "missed"), "--out", out],
    ],
    [[1], ["dist/compare.mjs", join(out, "met"), join(out, "broken-30"), "--out", out]],
    [
      [1, 99],
      ["dist/merge.mjs", join(out, "merged"), "--out", out],
    ],
    [[0], ["dist/prune.mjs", "--keep", "1", "--out", out]],
  ];
  for (const [codes, args] of commands) {
    const { code, stdout, stderr } = await run(process.execPath, args).finished;
    assert.ok(codes.includes(code ?? -1), `${args[0]} exited with ${code}: ${stderr}`);
    assert.doesNotMatch(stderr + stdout, /^\s+at |TypeError|RangeError/m, args[0]);
  }
});
