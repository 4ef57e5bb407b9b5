// Builds everything that is run: dist/*.js (load tests, for k6), dist/*.mjs (Node programs) and bin/k6.
// `node build.mjs --dist` leaves k6 out. K6_BIN=path uses that k6 instead of building one.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForK6, bundleForNode } from "./bundle.mjs";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const PROGRAMS = [
  "cli/start.ts",
  "cli/doctor.ts",
  "cli/compare.ts",
  "cli/baseline.ts",
  "cli/history.ts",
  "cli/merge.ts",
  "cli/prune.ts",
  "cli/cleanup.ts",
  "cli/schedule.ts",
  "cli/scheduled.ts",
  "cli/testrun.ts",
  "server/main.ts",
];
const OLDEST_GO = [1, 25];

async function buildDist() {
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  const scripts = readdirSync(join(ROOT, "scripts")).filter((file) => file.endsWith(".ts"));
  const dist = join(ROOT, "dist");
  await bundleForK6(
    scripts.map((file) => `scripts/${file}`),
    dist,
  );
  await bundleForNode(
    PROGRAMS.map((path) => ({ in: path, out: programName(path) })),
    dist,
  );
}

/** cli/start.ts becomes start, server/main.ts becomes server. */
function programName(path) {
  const [room, file] = path.split("/");
  return file === "main.ts" ? room : basename(file, ".ts");
}

async function buildK6() {
  if (process.env.K6_BIN) return checkK6(process.env.K6_BIN);
  const binary = join(ROOT, "bin", "k6");
  const stamp = join(ROOT, "bin", "k6.sources");
  const sources = hashOfSources();
  if (existsSync(binary) && readOr(stamp, "") === sources) return;
  requireGo();
  mkdirSync(join(ROOT, "bin"), { recursive: true });
  await compileK6(`${binary}.new`);
  renameSync(`${binary}.new`, binary);
  writeFileSync(stamp, sources);
}

function requireGo() {
  const { stdout, error } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8", cwd: ROOT });
  const advice = "install Go 1.25 or newer, or set K6_BIN to a k6 that was built with xk6-sse";
  if (error) fail(`Go is needed to build k6, and is not there: ${advice}`);
  const version = stdout.trim();
  const [major = 0, minor = 0] = version.replace(/^go/, "").split(".").map(Number);
  if (major < OLDEST_GO[0] || (major === OLDEST_GO[0] && minor < OLDEST_GO[1])) {
    fail(`Go ${OLDEST_GO.join(".")} or newer is needed to build k6, and this is ${version}: ${advice}`);
  }
}

function hashOfSources() {
  const hash = createHash("sha256");
  const files = readdirSync(join(ROOT, "xk6-sse"), { recursive: true })
    .filter((file) => /(\.go|go\.mod|go\.sum)$/.test(file) && !/_test\.go$|^cmd\/bench\//.test(file))
    .sort();
  for (const file of files) hash.update(file).update(readFileSync(join(ROOT, "xk6-sse", file)));
  return hash.digest("hex");
}

/** Runs `go build`, showing how far it is. */
function compileK6(output) {
  const started = Date.now();
  let packages = 0;
  let complaint = "";
  const progress = () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    return `building k6 with our extension (1 to 3 minutes the first time): ${packages} packages, ${seconds} s`;
  };
  const ticker = setInterval(() => show(progress()), process.stderr.isTTY ? 1_000 : 15_000);
  show(progress());
  const child = spawn("go", ["build", "-v", "-o", output, "./cmd/k6"], {
    cwd: join(ROOT, "xk6-sse"),
    stdio: ["ignore", "inherit", "pipe"],
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    for (const line of text.split("\n")) {
      if (/^[\w.\-/]+$/.test(line)) packages++;
      else if (!line.startsWith("go: downloading")) complaint += `${line}\n`;
    }
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearInterval(ticker);
      if (code !== 0) fail(`k6 could not be built:\n${complaint.trim()}`);
      show(`${progress()}, done`);
      if (process.stderr.isTTY) process.stderr.write("\n");
      resolve();
    });
  });
}

function show(text) {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

function checkK6(binary) {
  const { stdout, error } = spawnSync(binary, ["version"], { encoding: "utf8" });
  if (error) fail(`K6_BIN is "${binary}", which cannot be run (${error.code}): set it to the path of a k6`);
  if (!stdout.includes("k6/x/recorder")) {
    fail(`K6_BIN is "${binary}", a k6 without our extension: build one with xk6-sse, or unset K6_BIN`);
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

await buildDist();
if (!process.argv.includes("--dist")) await buildK6();
