import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Ajv } from "ajv";
import { parse, parseAllDocuments } from "yaml";
import { readRecord } from "../cli/files.ts";
import type { TestRun } from "../cli/testruns.ts";
import { ROOT, run, server, temporaryDirectory, webhook, without } from "./harness.ts";

/** What is scheduled in the golden files: every option that shows in them, with what has to be quoted. */
const GOLDEN = join(ROOT, "deploy", "golden");
const BOTH = [
  "--sse",
  "http://plans.test:8080",
  "--ws",
  "http://plans.test:8081/a%20b",
  "--profile",
  "baseline",
];
const MORE = [
  "--release",
  "2025.10",
  "--baseline",
  "spring",
  "--keep",
  "14",
  "--only",
  "reconnection,throughput",
];
const CASES: Record<string, string[]> = {
  systemd: ["systemd", "--every", "day", "--directory", "/opt/plan load/100%", ...BOTH, ...MORE],
  cron: ["cron", "--cron", "*/30 2-4 * * 1-5", "--directory", "/opt/plan load/100%", ...BOTH, ...MORE],
  "github-actions": ["github-actions", "--every", "week", ...BOTH, ...MORE],
  "k6-operator": [
    "k6-operator",
    "--every",
    "day",
    "--image",
    "registry.test/plan-load:1",
    "--instances",
    "8",
    "--prometheus",
    "http://prometheus.test:9090",
    ...BOTH,
    ...MORE,
  ],
  "k6-operator-s3": [
    "k6-operator",
    "--every",
    "day",
    "--image",
    "registry.test/plan-load:1",
    "--records",
    "s3://plan-load/records",
    ...BOTH,
  ],
  kubernetes: ["kubernetes", "--every", "day", "--image", "registry.test/plan-load:1", ...BOTH, ...MORE],
};

/** Those that are of k6-operator. */
const OPERATOR = ["k6-operator", "k6-operator-s3"];

const schedule = (args: readonly string[], env: Record<string, string> = {}) =>
  run(process.execPath, ["dist/schedule.mjs", ...args], env).finished;

interface CustomResource {
  spec: { group: string; versions: { name: string; schema: { openAPIV3Schema: object } }[] };
}

/** The schema with no properties allowed but those that it names: the API server would drop them without a word. */
function closed(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema as never;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, typeof value === "object" ? closed(value) : value]),
  );
  const isOpen = !("properties" in schema) || "additionalProperties" in schema;
  return isOpen ? inner : { ...inner, additionalProperties: false };
}

/** Writes the files of a case into a directory. */
async function written(name: string, directory: string): Promise<void> {
  const { code, stderr } = await schedule([...(CASES[name] ?? []), "--into", directory], {
    ALLOW_REMOTE: "plans.test",
  });
  assert.equal(code, 0, stderr);
}

const contents = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );

const works = (program: string, args: string[]): boolean =>
  spawnSync(program, args, { cwd: join(ROOT, "deploy", "check") }).status === 0;

const noSystemd = without(works("systemd-analyze", ["--version"]), "systemd-analyze is not installed");
const actionlint = ["build", "-o", "/dev/null", "github.com/rhysd/actionlint/cmd/actionlint"];
const noActionlint = without(works("go", actionlint), "actionlint cannot be built");
/** k6-operator's own schema is no part of this project: it may lie beside it. */
const OPERATOR_SCHEMA = join(ROOT, "..", "shared", "schemas", "k6.io_testruns.yaml");
const noSchema = without(
  works("go", ["build", "-o", "/dev/null", "."]),
  "Kubernetes' definitions cannot be had",
);
const noOperator = without(existsSync(OPERATOR_SCHEMA), "../shared/schemas/k6.io_testruns.yaml is not there");

describe("npm run schedule", () => {
  for (const name of Object.keys(CASES)) {
    test(`${name}: writes the golden files (UPDATE_GOLDEN=1 renews them)`, async (t) => {
      const directory = temporaryDirectory(t);
      await written(name, directory);
      if (process.env.UPDATE_GOLDEN) {
        mkdirSync(join(GOLDEN, name), { recursive: true });
        for (const file of readdirSync(directory))
          copyFileSync(join(directory, file), join(GOLDEN, name, file));
      }
      assert.deepEqual(contents(directory), contents(join(GOLDEN, name)));
    });
  }

  test("systemd takes the units", { skip: noSystemd }, async (t) => {
    const directory = temporaryDirectory(t);
    await written("systemd", directory);
    const units = ["plan-load.service", "plan-load.timer"].map((name) => join(directory, name));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...units], { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
  });

  test("actionlint finds nothing wrong in the workflows, nor in our own", { skip: noActionlint }, () => {
    const files = [join(GOLDEN, "github-actions", "plan-load.yml"), join(ROOT, ".github/workflows/ci.yml")];
    const check = spawnSync("go", ["tool", "actionlint", ...files], {
      cwd: join(ROOT, "deploy", "check"),
      encoding: "utf8",
    });
    assert.deepEqual([check.status, check.stdout, check.stderr], [0, "", ""]);
  });

  test("Kubernetes knows every field of the manifests", { skip: noSchema }, () => {
    const strict = (input: string) =>
      spawnSync("go", ["run", "."], { cwd: join(ROOT, "deploy", "check"), input, encoding: "utf8" });
    const [manifests = ""] = ["kubernetes", ...OPERATOR].map((name) => {
      const text = readFileSync(join(GOLDEN, name, "plan-load.yaml"), "utf8");
      const { status, stderr } = strict(text);
      assert.equal(status, 0, `${name}: ${stderr}`);
      return text;
    });
    assert.match(
      strict(manifests.replace("backoffLimit", "backOffLimits")).stderr,
      /unknown field.*backOffLimits/,
    );
  });

  test("k6-operator knows every field of the TestRuns", { skip: noOperator }, () => {
    const definition = parse(readFileSync(OPERATOR_SCHEMA, "utf8")) as CustomResource;
    const [version] = definition.spec.versions;
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    const validate = ajv.compile(closed(version?.schema.openAPIV3Schema ?? {}));
    const both = OPERATOR.flatMap((kind) =>
      ["testrun-sse.yaml", "testrun-ws.yaml"].map((file) => [join(GOLDEN, kind), file] as const),
    );
    for (const [directory, name] of both) {
      const config = parseAllDocuments(readFileSync(join(directory, "plan-load.yaml"), "utf8"))
        .map((document) => document.toJS())
        .find(({ kind }) => kind === "ConfigMap");
      const text = readFileSync(join(directory, name), "utf8");
      assert.equal(config.data[name], text);
      const testRun = parse(text) as TestRun;
      assert.ok(validate(testRun), ajv.errorsText(validate.errors));
      assert.equal(testRun.apiVersion, `${definition.spec.group}/${version?.name}`);
      assert.ok(!validate({ ...testRun, spec: { ...testRun.spec, parallel: 1 } }), "an unknown field passes");
    }
  });

  test("wrong input is refused in one sentence, and nothing is written", async (t) => {
    const into = join(temporaryDirectory(t), "schedule");
    const cron = ["cron", "--directory", "/opt"];
    const operator = ["k6-operator", "--every", "day", "--image", "x", "--ws", "http://localhost:1"];
    const wrong: [string[], RegExp][] = [
      [
        ["anacron"],
        /'anacron' is invalid.*Allowed choices are systemd, cron, github-actions, kubernetes, k6-operator/,
      ],
      [cron, /^when\? Give --every or --cron, one of the two/],
      [[...cron, "--every", "day", "--cron", "1 2 * * *"], /^when\?/],
      [[...cron, "--cron", "1 2 * *"], /must have five fields/],
      [["systemd", "--every", "day"], /^systemd needs --directory/],
      [
        ["cron", "--every", "day", "--directory", "here"],
        /^cron needs --directory: the absolute path of the project/,
      ],
      [["k6-operator", "--every", "day", "--image", "x"], /^k6-operator needs --sse or --ws/],
      [["kubernetes", "--every", "day"], /^kubernetes needs --image/],
      [
        ["kubernetes", "--every", "day", "--image", "an image"],
        /^--image is "an image": it must be an image's name/,
      ],
      [[...cron, "--every", "day", "--baseline", "../x"], /^"\.\.\/x" cannot name a baseline: allowed are/],
      [
        [...cron, "--every", "day", "--instances", "4"],
        /^--instances is for k6-operator: cron has one process/,
      ],
      [
        [...cron, "--every", "hour", "--profile", "endurance"],
        /^a run of the profile endurance may take 480 minutes: give --every day/,
      ],
      [[...cron, "--every", "day", "--records", "s3://a-bucket"], /^--records is for k6-operator/],
      [[...operator, "--records", "a-bucket"], /^--records is "a-bucket": it must be a place such as s3:/],
      [
        [...operator, "--records", "s3://me:secret@bucket"],
        /^--records is .*: it must be a place such as s3:/,
      ],
      [[...cron, "--every", "day", "--ws", "http://plans.test"], /set ALLOW_REMOTE=plans\.test/],
      [[...cron, "--every", "day", "--only", "recon"], /^ONLY is "recon"/],
      [[...cron, "--every", "day", "--out", "a\nb"], /^--out has a line break/],
      [[...cron, "--every", "day", "--keep", "0"], /whole number from 1 to 3650/],
      [[...cron, "--cron", "0 2 31 2,4 *"], /there is no day 31 in month 2,4$/m],
      [
        [...cron, "--every", "day", "--into", "package.json"],
        /^package\.json cannot be used \(EEXIST\): give another/,
      ],
      [[...cron, "--every", "day", "--prometheus", "http://me:secret@x"], /holds credentials/],
    ];
    for (const [args, sentence] of wrong) {
      const { code, stdout, stderr } = await schedule(["--into", into, ...args]);
      assert.equal(code, 1);
      assert.match(stderr.replace(/^error: /, ""), sentence);
      assert.equal(stdout, "");
    }
    assert.equal(existsSync(into), false);
  });

  test("an environment file that is there is kept, and for its owner's eyes only: it holds secrets", async (t) => {
    const into = temporaryDirectory(t);
    writeFileSync(join(into, "plan-load.env"), "NOTIFY_URL=mine\n");
    const { stdout } = await schedule(["cron", "--every", "day", "--directory", "/opt", "--into", into]);
    assert.match(stdout, /plan-load\.env \(kept as it is\)/);
    assert.equal(readFileSync(join(into, "plan-load.env"), "utf8"), "NOTIFY_URL=mine\n");
    assert.equal(statSync(join(into, "plan-load.env")).mode & 0o777, 0o600);
  });
});

/** A directory in which the project stands, with the files of a schedule and an environment of its own. */
async function installed(t: TestContext, kind: string, args: string[], env: string): Promise<string> {
  const directory = join(temporaryDirectory(t), "plan load");
  mkdirSync(directory);
  for (const name of ["dist", "bin"]) symlinkSync(join(ROOT, name), join(directory, name));
  writeFileSync(join(directory, "plan-load.env"), env);
  const all = [
    kind,
    "--every",
    "day",
    "--jitter",
    "0",
    "--directory",
    directory,
    "--into",
    directory,
    ...args,
  ];
  const { code, stderr } = await schedule(all);
  assert.equal(code, 0, stderr);
  return directory;
}

/** The only run in a directory of results, if there is one. */
function runIn(results: string) {
  const [id = ""] = readdirSync(results).filter((name) => existsSync(join(results, name, "run.json")));
  return readRecord(join(results, id));
}

describe("what is scheduled runs", () => {
  test("the line of cron: with the environment file, one at a time, and the webhook is told", async (t) => {
    const { url } = await server(t);
    const hook = await webhook(t);
    const env = `NOTIFY_URL='${hook.url}?a=1&b=$2'\nREPORTS_URL=https://reports.test\n`;
    const directory = await installed(t, "cron", ["--ws", url, "--only", "multiple-clients"], env);
    const [line = ""] = readFileSync(join(directory, "plan-load.cron"), "utf8")
      .split("\n")
      .filter((text) => /^\d/.test(text));
    const command = line.split(" ").slice(5).join(" ").replaceAll("\\%", "%");
    const first = run("/bin/sh", ["-c", command], {}, "/");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const second = await run("/bin/sh", ["-c", command], {}, "/").finished;
    assert.equal(second.code, 1, "a second run began beside the first");
    const { code } = await first.finished;
    const log = readFileSync(join(directory, "results", "scheduled.log"), "utf8");
    const record = runIn(join(directory, "results"));
    assert.equal(record?.state, "complete", log);
    assert.equal(record?.configuration.TRIGGER, "schedule");
    assert.deepEqual(
      hook.bodies.map(({ verdict }) => verdict),
      [code === 0 ? "passed" : "missed"],
    );
    assert.match(
      hook.bodies[0]?.text ?? "",
      /WebSocket, release dev: .*\(https:\/\/reports\.test\/.*\/report\.html\)$/,
    );
    assert.ok(!log.includes("/secret"), "the log tells the webhook's URL");
  });

  test("the command line of the service: against a baseline, and Slack is told", async (t) => {
    const { url } = await server(t);
    const hook = await webhook(t);
    const options = ["--sse", url, "--only", "rapid-create-delete", "--baseline", "spring"];
    const directory = await installed(t, "systemd", options, "");
    const unit = readFileSync(join(directory, "plan-load.service"), "utf8");
    const [, command = ""] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    const env = { NOTIFY_URL: hook.url, NOTIFY_FORMAT: "slack" };
    const start = () => run("/bin/sh", ["-c", command.replaceAll("%%", "%")], env, directory).finished;
    const without = await start();
    assert.equal(without.code, 1, without.stderr);
    assert.match(without.stderr, /there is no comparison with the baseline spring: npm run baseline lists/);
    assert.match(hook.bodies[0]?.text ?? "", /there is no comparison with the baseline spring/);
    const results = join(directory, "results");
    const saved = await run(process.execPath, [
      "dist/baseline.mjs",
      "--save",
      "spring",
      "latest",
      "--out",
      results,
    ]).finished;
    assert.equal(saved.code, 0, saved.stderr);
    const held = await start();
    assert.equal(held.code, 0, held.stderr);
    assert.deepEqual(
      hook.bodies.map((body) => Object.keys(body)),
      [["text"], ["text"]],
    );
    assert.match(
      hook.bodies[1]?.text ?? "",
      /^✓ Plan load tests: passed\n.*\nno worse than baseline spring \(results\/.*\/report\.html\)$/,
    );
  });
});
