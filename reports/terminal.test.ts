import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { columns, runTable, terminalOf } from "./terminal.ts";

const ESCAPE = "\u001b";
const rows = [
  [{ text: "✓ met", style: "met" }, "first", "short"],
  [
    { text: "✗ missed", style: "missed" },
    "second one",
    "a reason that is long enough to need more than a line",
  ],
];

test("columns are aligned, and the last one is left as it is", () => {
  assert.equal(
    columns([
      ["a", "b", "c"],
      ["long", "b", "also long"],
    ]),
    "  a     b  c\n  long  b  also long",
  );
});

test("colours only for a terminal, and not with NO_COLOR", () => {
  const shown = (isTTY: boolean, env: Record<string, string>) => columns(rows, terminalOf(isTTY, 100, env));
  assert.ok(shown(true, {}).includes(`${ESCAPE}[32m✓ met${ESCAPE}[0m`));
  assert.ok(shown(true, {}).includes(`${ESCAPE}[31m✗ missed${ESCAPE}[0m`));
  for (const text of [shown(true, { NO_COLOR: "1" }), shown(false, {})]) assert.ok(!text.includes(ESCAPE));
  assert.ok(shown(true, { NO_COLOR: "" }).includes(ESCAPE), "an empty NO_COLOR counts as none");
});

test("colours change no alignment", () => {
  const plainly = columns(rows);
  const coloured = columns(rows, { hasColours: true });
  assert.equal(stripVTControlCharacters(coloured), plainly);
});

test("a narrow terminal wraps the last column, a very narrow one every row", () => {
  for (const width of [60, 50, 40, 30]) {
    const text = columns(rows, { hasColours: false, width });
    for (const line of text.split("\n"))
      assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
    assert.ok(text.replaceAll(/\s+/g, " ").includes("a reason that is long enough to need more than a line"));
  }
});

test("a log has lines as long as they are", () => {
  assert.equal(columns(rows, terminalOf(false, 40, {})).split("\n").length, 2);
});

test("what a server said cannot drive the terminal", () => {
  const evil = `${ESCAPE}[2J${ESCAPE}]0;title\u0007\rovertype\u202e`;
  const record = sampleRecord({
    release: evil,
    tests: [sampleTest({ name: evil, findings: [evil] })],
    findings: [evil],
  });
  record.target = { ...record.target, simulated: true, behaviour: evil };
  const text = runTable(record);
  for (const character of [ESCAPE, "\u0007", "\r", "\u202e"]) assert.ok(!text.includes(character));
  assert.ok(text.includes("\\u001b[2J"));
});

test("a server's clock that was taken off its timestamps is told, with its uncertainty", () => {
  const clock = { offsetMs: 3_000, uncertaintyMs: 2, applied: true };
  assert.match(runTable(sampleRecord({ clock })), /^! clock: the server's is \+3000\S* ms ± 2\S* ms off/m);
  assert.doesNotMatch(runTable(sampleRecord({ clock: { ...clock, applied: false } })), /clock/);
});

test("what is to be known first stands before the verdicts, once: what was not played, and the server's own words", () => {
  const reason = "the server had not recovered from plan-scaling after 60 s";
  const request = { test: "a", at: 1, call: "POST /api/plans", durationMs: 30_000 };
  const answer = (id: string) =>
    `{"detail":"Failed to create plan PlanExe_${id}: QueuePool limit of size 5"}`;
  const text = runTable(
    sampleRecord({
      tests: [
        sampleTest({ name: "plan-scaling", recoveryMs: 31_400 }),
        sampleTest({ name: "a", withheld: reason }),
        sampleTest({ name: "b", withheld: reason }),
      ],
      failedRequests: {
        seen: 3,
        kept: [
          { ...request, status: 500, answer: answer("1") },
          { ...request, status: 500, answer: answer("2") },
          { ...request, status: 0, answer: "request timeout" },
        ],
      },
    }),
  );
  const [first = "", ...others] = text.split("\n").filter((line) => line.includes(reason));
  assert.match(first, /^! Not played: a, b\. Why: /);
  assert.equal(others.length, 2, "one row for each test, and not one for each target");
  assert.match(
    text,
    /^! The server's own words, 2 times: 500 Failed to create plan \{id\}: QueuePool limit of size 5$/m,
  );
  assert.match(text, /plan-scaling \(test plan 2\.1; the server recovered 31\.4 s after it\)/);
});
