import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMAND_VARIABLES, SETTINGS } from "../run/settings.ts";
import { settingsPage } from "./settings-page.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

test("docs/settings.md is what the code makes: npm run docs", async () => {
  assert.equal(readFileSync(join(ROOT, "docs", "settings.md"), "utf8"), await settingsPage());
});

/** k6's own, which are read to be refused. */
const REFUSED = ["K6_SUMMARY_MODE", "K6_NEW_MACHINE_READABLE_SUMMARY"];

test("every variable that a program reads is in the table", () => {
  const rooms = ["cli", "deploy", "run", "client", "reports"];
  const sources = rooms.flatMap((room) =>
    readdirSync(join(ROOT, room))
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => readFileSync(join(ROOT, room, name), "utf8")),
  );
  const build = readFileSync(join(ROOT, "build.mjs"), "utf8");
  const read = [...sources, build].flatMap((text) =>
    [...text.matchAll(/(?:process\.env|__ENV|\benv)\.([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name ?? ""),
  );
  assert.ok(read.length > 4);
  const known = [...Object.keys(SETTINGS), ...Object.keys(COMMAND_VARIABLES), "COLUMNS", ...REFUSED];
  const missing = read.filter((name) => !known.includes(name) && !name.startsWith("K6_PROMETHEUS_RW_"));
  assert.deepEqual(missing, []);
});
