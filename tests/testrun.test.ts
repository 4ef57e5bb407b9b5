import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readRecord } from "../cli/files.ts";
import { k6Binary } from "../cli/k6.ts";
import type { TestRun } from "../cli/testruns.ts";
import {
  countsOf,
  loadedBy,
  ROOT,
  run,
  segment,
  server,
  temporaryDirectory,
  until,
  webhook,
} from "./harness.ts";

const TOKEN = "a-token";

/** What becomes of one instance of a TestRun: it runs to its end, is killed once it has plans, or never starts. */
type Fate = "runs" | "is killed" | "never starts";

/**
 * A cluster of one kind of object: Kubernetes' API over loopback HTTP, as far as it is asked, and an operator that starts
 * the instances of a TestRun as processes of the image: its k6 and its rclone on the PATH, each with a file system of its own
 * (`isolated`), or with the volume.
 */
class Cluster {
  readonly calls: string[] = [];
  stored: TestRun | undefined;
  private running: ReturnType<typeof run>[] = [];
  private stage = "";

  private constructor(
    readonly url: string,
    private readonly results: () => string,
    private readonly image: Record<string, string>,
    private readonly fates: readonly Fate[],
  ) {}

  static async start(
    t: TestContext,
    results: () => string,
    image: Record<string, string>,
    fates: readonly Fate[] = ["runs", "runs"],
  ): Promise<Cluster> {
    const http = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const [status, content] = await cluster.answer(
        request.method ?? "",
        request.headers.authorization,
        body,
      );
      cluster.calls.push(`${request.method} ${request.url} ${status}`);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() => http.close());
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const cluster = new Cluster(url, results, image, fates);
    t.after(() => cluster.end());
    return cluster;
  }

  private async answer(
    method: string,
    authorization: string | undefined,
    body: string,
  ): Promise<[number, object]> {
    if (authorization !== `Bearer ${TOKEN}`) return [403, { message: "testruns.k6.io is forbidden" }];
    if (method === "POST") {
      this.stored = JSON.parse(body) as TestRun;
      this.begin(this.stored);
      return [201, this.stored];
    }
    if (this.stored === undefined) return [404, { message: "not found" }];
    if (method === "GET") return [200, { status: { stage: this.stage } }];
    await this.end();
    this.stored = undefined;
    return [200, {}];
  }

  /** As the operator starts its runners, with the environment of the manifest. */
  private begin({ spec }: TestRun): void {
    this.stage = "started";
    const env = Object.fromEntries(spec.runner.env.map(({ name, value = "" }) => [name, value]));
    const script = String((spec.script as { localFile: string }).localFile).replace("/plan-load", ROOT);
    this.running = this.fates.flatMap((fate, i) => {
      if (fate === "never starts") return [];
      const args = ["run", "--quiet", "--address", "", ...segment(i + 1, this.fates.length), script];
      const started = run("k6", args, { ...env, ...this.image, OUT_DIR: this.results() });
      if (fate === "is killed") {
        void this.kill(`${i + 1}-of-${this.fates.length}`, env.BASE_URL ?? "", started.child.pid);
      }
      return [started];
    });
    void Promise.all(this.running.map(({ finished }) => finished)).then(() => {
      this.stage = "finished";
    });
  }

  /** Kills k6 itself, as where a container has too little memory. */
  private async kill(instance: string, url: string, pid: number | undefined): Promise<void> {
    await until(async () => (await loadedBy(url)).includes(instance));
    const { stdout } = await run("pgrep", ["-P", String(pid)]).finished;
    for (const child of [...stdout.split("\n").filter(Boolean).map(Number), pid]) {
      if (child !== undefined) process.kill(child, "SIGKILL");
    }
  }

  private async end(): Promise<void> {
    for (const { child } of this.running) child.kill("SIGTERM");
    await Promise.all(this.running.map(({ finished }) => finished));
  }
}

/** What is in the image beside Node: k6 behind deploy/k6.sh, and a stand-in of rclone, to which a directory is the object store. */
function image(t: TestContext): { env: Record<string, string>; store: string } {
  const [bin, store] = [temporaryDirectory(t), temporaryDirectory(t)];
  symlinkSync(resolve(k6Binary()), join(bin, "plan-load-k6"));
  symlinkSync(join(ROOT, "deploy/k6.sh"), join(bin, "k6"));
  writeFileSync(join(bin, "rclone"), RCLONE);
  chmodSync(join(bin, "rclone"), 0o755);
  return { env: { PATH: `${bin}:${process.env.PATH}`, STORE: store }, store };
}

const RCLONE = `#!/bin/sh
[ "$#" = 3 ] && [ "$1" = copy ] || { echo "rclone $*: not expected" >&2; exit 1; }
place() { case $1 in :s3:*) echo "$STORE/\${1#:s3:}" ;; *) echo "$1" ;; esac; }
from=$(place "$2") to=$(place "$3")
[ -d "$from" ] || { echo "directory not found" >&2; exit 3; }
mkdir -p "$to" && cp -R "$from/." "$to"
`;

/** Writes the manifests of a schedule, and the service account of a pod. */
async function deployed(t: TestContext, url: string, ...more: string[]): Promise<Record<string, string>> {
  const [into, account] = [temporaryDirectory(t), temporaryDirectory(t)];
  writeFileSync(join(account, "token"), `${TOKEN}\n`);
  writeFileSync(join(account, "namespace"), "load\n");
  const options = [
    "--every",
    "day",
    "--image",
    "x",
    "--instances",
    "2",
    "--only",
    "multiple-clients",
    ...more,
  ];
  const args = ["k6-operator", "--ws", url, ...options, "--into", into];
  const { code, stderr } = await run(process.execPath, ["dist/schedule.mjs", ...args]).finished;
  assert.equal(code, 0, stderr);
  mkdirSync(join(into, "testruns"));
  symlinkSync(join(into, "testrun-ws.yaml"), join(into, "testruns", "testrun-ws.yaml"));
  return { SERVICE_ACCOUNT_DIR: account, TESTRUNS: join(into, "testruns") };
}

/** dist/testrun.mjs, as the CronJob's pod runs it. */
const testrun = (
  pod: Record<string, string>,
  cluster: Pick<Cluster, "url">,
  out: string,
  ...more: string[]
) =>
  run(process.execPath, ["dist/testrun.mjs", pod.TESTRUNS ?? "", "--out", out, ...more], {
    ...pod,
    KUBERNETES_API: cluster.url,
  });

/** The only run in a directory of results. */
function runIn(out: string) {
  const [id = "", ...others] = readdirSync(out);
  assert.equal(others.length, 0, others.join());
  return readRecord(join(out, id)) ?? assert.fail(`${id} has no merged record`);
}

describe("the job of k6-operator's CronJob", () => {
  test("creates the TestRun, waits for its instances, merges their records on the volume, and tells the webhook", async (t) => {
    const { url } = await server(t);
    const hook = await webhook(t);
    const out = temporaryDirectory(t);
    const cluster = await Cluster.start(t, () => out, image(t).env);
    const pod = await deployed(t, url);
    const { code, stdout, stderr } = await testrun({ ...pod, NOTIFY_URL: hook.url }, cluster, out).finished;
    const record = runIn(out);
    assert.deepEqual([record.state, record.instances.length], ["complete", 2], stdout + stderr);
    assert.equal(code, record.targets.some(({ verdict }) => verdict === "missed") ? 99 : 0, stderr);
    assert.match(stdout, /multiple-clients/);
    assert.equal(cluster.stored?.spec.runner.env.find(({ name }) => name === "RUN_ID")?.value, record.runId);
    const path = "/apis/k6.io/v1alpha1/namespaces/load/testruns";
    assert.deepEqual(cluster.calls.slice(0, 2), [`DELETE ${path}/plan-load-ws 404`, `POST ${path} 201`]);
    assert.deepEqual(
      hook.bodies.map(({ verdict }) => verdict),
      [code === 0 ? "passed" : "missed"],
    );
    assert.equal((await countsOf({ url })).plans, 0);
  });

  test("with an object store: each pod copies its record there, and the job fetches them", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const { env, store } = image(t);
    const cluster = await Cluster.start(t, () => temporaryDirectory(t), env);
    const pod = await deployed(t, url, "--records", "s3://a-bucket/records");
    const RECORDS = ":s3:a-bucket/records";
    const { stderr } = await testrun({ ...pod, ...env, RECORDS }, cluster, out).finished;
    const { state, instances, runId } = runIn(out);
    assert.deepEqual([state, instances.length], ["complete", 2], stderr);
    assert.deepEqual(readdirSync(join(store, "a-bucket/records", runId)), ["1-of-2", "2-of-2"]);
  });

  test("an instance that is killed makes it incomplete, exit code 99, and the webhook is told", async (t) => {
    const { url } = await server(t);
    const hook = await webhook(t);
    const out = temporaryDirectory(t);
    const cluster = await Cluster.start(t, () => out, image(t).env, ["runs", "is killed"]);
    const pod = await deployed(t, url);
    const { code, stdout, stderr } = await testrun({ ...pod, NOTIFY_URL: hook.url }, cluster, out).finished;
    assert.equal(code, 99, stderr);
    assert.match(stdout, /! instance 2-of-2 was broken off without a word/);
    assert.deepEqual(
      hook.bodies.map(({ verdict }) => verdict),
      ["missed"],
    );
  });

  test("an instance that never starts leaves no record, and is named", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const cluster = await Cluster.start(t, () => out, image(t).env, ["runs", "never starts"]);
    const { code, stdout } = await testrun(await deployed(t, url), cluster, out).finished;
    assert.equal(code, 99);
    assert.match(stdout, /! instance 2-of-2 left no readable record/);
  });

  test("an interrupt deletes the TestRun, whose instances delete their plans and leave their records", async (t) => {
    const { url } = await server(t);
    const { env, store } = image(t);
    const cluster = await Cluster.start(t, () => temporaryDirectory(t), env);
    const pod = await deployed(t, url, "--records", "s3://a-bucket");
    const job = testrun(pod, cluster, temporaryDirectory(t));
    await until(async () => (await loadedBy(url)).length > 0);
    job.child.kill("SIGTERM");
    const { code, stderr } = await job.finished;
    assert.equal(code, 1);
    assert.match(stderr, /^the TestRun plan-load-ws was interrupted$/m);
    assert.equal(cluster.stored, undefined);
    assert.equal((await countsOf({ url })).plans, 0);
    const [runId = ""] = readdirSync(join(store, "a-bucket"));
    const states = ["1-of-2", "2-of-2"].map(
      (name) => readRecord(join(store, "a-bucket", runId, name))?.state,
    );
    assert.deepEqual(states, ["interrupted", "interrupted"]);
  });

  test("what stops it is told in one sentence, and by the webhook", async (t) => {
    const { url } = await server(t);
    const out = temporaryDirectory(t);
    const { env } = image(t);
    const none = await Cluster.start(t, () => out, env, ["never starts", "never starts"]);
    const pod = await deployed(t, url);
    const empty = temporaryDirectory(t);
    const other = temporaryDirectory(t);
    writeFileSync(join(other, "token"), "another");
    writeFileSync(join(other, "namespace"), "load");
    const wrong: [Record<string, string>, Pick<Cluster, "url">, RegExp][] = [
      [
        { ...pod, TESTRUNS: empty },
        none,
        /^\S+ holds no manifest of a TestRun: npm run schedule -- k6-operator/m,
      ],
      [{ ...pod, SERVICE_ACCOUNT_DIR: "/nowhere" }, none, /^there is no service account in \/nowhere/m],
      [{ ...pod, SERVICE_ACCOUNT_DIR: other }, none, /could not be deleted: testruns.k6.io is forbidden$/m],
      [pod, { url: "http://127.0.0.1:9" }, /^Kubernetes at http:\/\/127.0.0.1:9 cannot be reached: /m],
      [pod, none, /^\S+ does not exist: give the directory of a run or of an instance$/m],
      [
        { ...pod, ...env, RECORDS: ":s3:b" },
        none,
        /^the records in :s3:b\/\S+ could not be copied: rclone said why$/m,
      ],
    ];
    for (const [settings, cluster, sentence] of wrong) {
      const hook = await webhook(t);
      const { code, stderr } = await testrun({ ...settings, NOTIFY_URL: hook.url }, cluster, out).finished;
      assert.equal(code, 1, stderr);
      assert.match(stderr, sentence);
      assert.doesNotMatch(stderr, /^ +at /m);
      assert.equal(hook.bodies.length, 1);
    }
  });
});
