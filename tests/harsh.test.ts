import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TRANSPORTS } from "../record/record.ts";
import { ROOT } from "./harness.ts";
import { HARSH_CASES } from "./harsh/cases.ts";
import { wrongIn } from "./harsh/play.ts";

describe("a harsh world", { concurrency: 2 }, () => {
  for (const harsh of HARSH_CASES) {
    for (const transport of TRANSPORTS.filter((one) => one === harsh.inTests)) {
      test(`${harsh.name}, over ${transport}: every stream has its outcome, every target its verdict`, async () => {
        assert.deepEqual(await wrongIn(harsh, transport), []);
      });
    }
  }
});

test("docs/harsh.md tells what a user sees of each case", () => {
  const page = readFileSync(join(ROOT, "docs/harsh.md"), "utf8");
  for (const { name } of HARSH_CASES) assert.ok(page.includes(`| ${name} |`), name);
});
