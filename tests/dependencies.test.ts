import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as v from "valibot";
import { ROOT } from "./harness.ts";

const lockSchema = v.object({
  packages: v.record(
    v.string(),
    v.looseObject({
      integrity: v.optional(v.string()),
      resolved: v.optional(v.string()),
      hasInstallScript: v.optional(v.boolean(), false),
    }),
  ),
});
const { packages } = v.parse(lockSchema, JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")));
const dependencies = Object.entries(packages).filter(([path]) => path !== "");

/** With a script of its own, and of use without: esbuild's makes its command start faster, and finds a broken npm. */
const WORK_WITHOUT_THEIR_SCRIPT = ["node_modules/esbuild"];

test("what is depended on is pinned by its content, from the public registry", () => {
  assert.ok(dependencies.length > 100);
  for (const [path, { integrity, resolved = "https://registry.npmjs.org/" }] of dependencies) {
    assert.match(integrity ?? "", /^sha512-/, path);
    assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
  }
});

test("what is depended on directly is pinned by its version", () => {
  const { dependencies: needed, devDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  for (const [name, version] of Object.entries<string>({ ...needed, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("nothing that is depended on needs a script to be installed, and none is run", () => {
  const withScript = dependencies
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path);
  assert.deepEqual(withScript, WORK_WITHOUT_THEIR_SCRIPT);
  assert.match(readFileSync(join(ROOT, ".npmrc"), "utf8"), /^ignore-scripts=true$/m);
  assert.match(readFileSync(join(ROOT, ".ci/run"), "utf8"), /npm ci --ignore-scripts/);
});
