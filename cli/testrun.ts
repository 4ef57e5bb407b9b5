import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { type RunResults, runResults } from "../reports/json.ts";
import { runTable } from "../reports/terminal.ts";
import { hasPassed } from "../reports/view.ts";
import { conclude, type JobOptions } from "./conclude.ts";
import { MISSED } from "./k6.ts";
import { mergeAt } from "./merging.ts";
import { readNotifier } from "./notification.ts";
import { daysOption, fail, jitterOption, outOption } from "./options.ts";
import { type Cluster, readTestRun, runTestRun } from "./testruns.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

new Command("node dist/testrun.mjs")
  .description(
    "What the CronJob of npm run schedule -- k6-operator runs: one TestRun after the other, the merged verdict of each, " +
      "then the comparison with a baseline, pruning, and a notification by the webhook in NOTIFY_URL.",
  )
  .argument("<directory>", "where the manifests of the TestRuns are")
  .addOption(outOption())
  .option("--baseline <name>", "the saved baseline that the candidate is held against")
  .addOption(daysOption())
  .addOption(jitterOption())
  .allowExcessArguments(false)
  .action(async (directory: string, options: JobOptions & { jitter: number }) => {
    process.exitCode = await runAll(directory, options);
  })
  .parseAsync()
  .catch(fail);

/** The last TestRun's verdict is the exit code, as it is with npm start. */
async function runAll(directory: string, options: JobOptions & { jitter: number }): Promise<number> {
  readNotifier(process.env);
  await setTimeout(Math.random() * options.jitter * 1_000);
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort());
  const runs: RunResults[] = [];
  let code = 1;
  try {
    for (const file of manifestsIn(directory)) {
      const { testRun, runId } = readTestRun(readFileSync(join(directory, file), "utf8"), file);
      await runTestRun(ownCluster(), testRun, interrupt.signal);
      if (process.env.RECORDS) fetchRecords(`${process.env.RECORDS}/${runId}`, join(options.out, runId));
      const { record } = mergeAt([join(options.out, runId)], options.out);
      process.stdout.write(runTable(record));
      runs.push(runResults(record));
      code = hasPassed(record) ? 0 : MISSED;
    }
  } catch (error) {
    fail(error);
    code = 1;
  }
  return conclude(runs, code, options);
}

function manifestsIn(directory: string): string[] {
  const files = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".yaml")) : [];
  if (files.length > 0) return files.sort();
  throw new Error(`${directory} holds no manifest of a TestRun: npm run schedule -- k6-operator writes them`);
}

/** Copies the records of a run from the object store, to which each instance has copied its own. */
function fetchRecords(place: string, directory: string): void {
  const { status, error } = spawnSync("rclone", ["copy", place, directory], { stdio: "inherit" });
  if (error)
    throw new Error(`rclone could not be run (${error.message}): use the image of deploy/Dockerfile`);
  if (status !== 0) throw new Error(`the records in ${place} could not be copied: rclone said why`);
}

/** The cluster that this pod runs in. */
function ownCluster(): Cluster {
  const { KUBERNETES_API = "https://kubernetes.default.svc", SERVICE_ACCOUNT_DIR = SERVICE_ACCOUNT } =
    process.env;
  if (!existsSync(SERVICE_ACCOUNT_DIR))
    throw new Error(
      `there is no service account in ${SERVICE_ACCOUNT_DIR}: this runs in a pod of Kubernetes`,
    );
  const read = (name: string) => readFileSync(join(SERVICE_ACCOUNT_DIR, name), "utf8").trim();
  return { url: KUBERNETES_API, token: read("token"), namespace: read("namespace") };
}
