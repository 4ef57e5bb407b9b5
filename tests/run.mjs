// Runs everything that is tested, part by part, and says how long each part took.
// `node tests/run.mjs unit e2e` runs only those parts.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTSIDE = /^(node_modules|dist|bin|results|tests|\.git)\//;

function testFiles(isWanted) {
  return readdirSync(ROOT, { recursive: true })
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("node_modules"))
    .filter(isWanted)
    .sort();
}

/** For TypeScript, and for templates. */
const LOADERS = ["--import", "tsx", "--import", "./tests/templates.mjs"];

const nodeTests = (files, concurrency) => [
  process.execPath,
  [...LOADERS, "--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...files],
];

/** The parts, in the order in which a fault is cheapest to find. */
const PARTS = {
  build: () => [process.execPath, ["build.mjs"]],
  unit: () =>
    nodeTests(
      testFiles((file) => !OUTSIDE.test(file)),
      2,
    ),
  go: () => ["go", ["test", "-race", "./..."], "xk6-sse"],
  e2e: () =>
    nodeTests(
      testFiles((file) => file.startsWith("tests/")),
      1,
    ),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`no part ${unknown.join(", ")}: there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(1);
}

const results = [];
for (const [name, command] of Object.entries(PARTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const [program, args, folder = ""] = command();
  const started = Date.now();
  console.log(`\n── ${name} ──`);
  const { status, error } = spawnSync(program, args, { cwd: `${ROOT}${folder}`, stdio: "inherit" });
  if (error) console.error(`${program} could not be run (${error.code}): install it and try again`);
  results.push({ name, seconds: Math.round((Date.now() - started) / 1000), passed: status === 0 });
}

console.log();
for (const { name, seconds, passed } of results)
  console.log(`${passed ? "passed" : "FAILED"}  ${name}  ${seconds} s`);
const failed = results.filter(({ passed }) => !passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
