import { setTimeout } from "node:timers/promises";
import * as v from "valibot";
import { parse } from "yaml";
import { makeId } from "./files.ts";

/** Where Kubernetes' API is, and how a pod's service account speaks to it. */
export interface Cluster {
  url: string;
  token: string;
  namespace: string;
}

const variableSchema = v.looseObject({ name: v.string(), value: v.optional(v.string()) });
const podSchema = v.looseObject({ env: v.array(variableSchema) });
/** A TestRun of k6-operator, as far as it is looked at here. */
const testRunSchema = v.looseObject({
  apiVersion: v.literal("k6.io/v1alpha1"),
  kind: v.literal("TestRun"),
  metadata: v.looseObject({ name: v.string() }),
  spec: v.looseObject({ initializer: podSchema, runner: podSchema }),
});
export type TestRun = v.InferOutput<typeof testRunSchema>;

const statusSchema = v.object({ status: v.optional(v.object({ stage: v.optional(v.string()) })) });

/** Stages from which a TestRun goes no further. */
const LAST_STAGES = ["finished", "stopped", "error"];

/** Reads a manifest, and gives the run an id of its own. @throws Error with one sentence where it is no TestRun */
export function readTestRun(text: string, name: string): { testRun: TestRun; runId: string } {
  const result = v.safeParse(testRunSchema, parse(text));
  if (!result.success)
    throw new Error(`${name} is no TestRun of k6-operator: write it anew with npm run schedule`);
  const testRun = result.output;
  const setting = (variable: string) =>
    testRun.spec.runner.env.find((one) => one.name === variable)?.value ?? "";
  const runId = makeId(`suite-${setting("RELEASE")}-${setting("TRANSPORT")}-${setting("PROFILE")}`);
  for (const { env } of [testRun.spec.initializer, testRun.spec.runner]) {
    for (const variable of env) if (variable.name === "RUN_ID") variable.value = runId;
  }
  return { testRun, runId };
}

/**
 * Creates a TestRun in place of the one of that name before it, and waits until all of its runners have ended. Where
 * `signal` ends the wait, the TestRun is deleted, so that its runners are interrupted. That a stage is `finished` says
 * nothing of how they ended: their records do.
 */
export async function runTestRun(
  cluster: Cluster,
  testRun: TestRun,
  signal: AbortSignal,
  pollMs = 5_000,
): Promise<void> {
  const { name } = testRun.metadata;
  await remove(cluster, name, pollMs);
  const created = await ask(cluster, "POST", "", testRun);
  if (created.status !== 201)
    throw new Error(`the TestRun ${name} could not be created: ${await told(created)}`);
  while (!signal.aborted) {
    if (LAST_STAGES.includes(await stageOf(cluster, name))) return;
    await setTimeout(pollMs, undefined, { signal }).catch(() => {});
  }
  await remove(cluster, name, pollMs);
  throw new Error(`the TestRun ${name} was interrupted`);
}

/** The stage of a TestRun; "" where Kubernetes does not tell just now: a run outlasts that. */
async function stageOf(cluster: Cluster, name: string): Promise<string> {
  const answer = await ask(cluster, "GET", `/${name}`).catch(() => undefined);
  if (answer === undefined || answer.status >= 500) return "";
  if (answer.status === 404) throw new Error(`the TestRun ${name} was deleted by somebody else`);
  if (!answer.ok) throw new Error(`the TestRun ${name} could not be looked at: ${await told(answer)}`);
  const document = v.safeParse(statusSchema, await answer.json().catch(() => undefined));
  return document.success ? (document.output.status?.stage ?? "") : "";
}

/** Deletes a TestRun with its pods, and waits until it is gone. */
async function remove(cluster: Cluster, name: string, pollMs: number): Promise<void> {
  for (;;) {
    const answer = await ask(cluster, "DELETE", `/${name}`, { propagationPolicy: "Foreground" });
    if (answer.status === 404) return;
    if (!answer.ok) throw new Error(`the TestRun ${name} could not be deleted: ${await told(answer)}`);
    await setTimeout(pollMs);
  }
}

async function ask(cluster: Cluster, method: string, path: string, body?: object): Promise<Response> {
  const { url, namespace, token } = cluster;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const request = { method, headers, signal: AbortSignal.timeout(30_000) };
  try {
    return await fetch(
      `${url}/apis/k6.io/v1alpha1/namespaces/${namespace}/testruns${path}`,
      body === undefined ? request : { ...request, body: JSON.stringify(body) },
    );
  } catch (error) {
    const { code, message } = (error as { cause?: { code?: string; message?: string } }).cause ?? {};
    throw new Error(`Kubernetes at ${url} cannot be reached: ${code ?? message ?? error}`);
  }
}

const messageSchema = v.object({ message: v.string() });

/** What Kubernetes says of a refusal. */
async function told(answer: Response): Promise<string> {
  const result = v.safeParse(messageSchema, await answer.json().catch(() => undefined));
  return result.success ? result.output.message : `status ${answer.status}`;
}
