import exec from "k6/execution";
import http from "k6/http";
import * as v from "valibot";
import type { Access } from "../client/access.ts";
import type { Health, PlanApi } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import type { Check } from "../record/check.ts";
import type { Transport } from "../record/record.ts";
import { limitChecks, limitsSchema } from "./limits.ts";
import { needsOf } from "./needs.ts";
import type { RunPlan } from "./runplan.ts";
import { whyNoPlanApi } from "./unreachable.ts";

/** How long an answer is waited for that only helps to tell what the server is. */
const ASIDE_MS = 1_000;
/** Further apart, and the times of a report cannot be laid beside the server's own log. */
const CLOCKS_APART_MS = 300_000;
const NO_PLAN = "/api/plans/PlanExe_00000000-0000-4000-8000-000000000000";

/** What a server of each kind has, and the other has not: its SSE stream, and the artefacts that came with the WebSocket. */
const SIGNS: Record<Transport, { stream: string; path: string }> = {
  sse: { stream: "SSE stream", path: `${NO_PLAN}/stream` },
  ws: { stream: "WebSocket", path: `${NO_PLAN}/artefacts` },
};

/** What is looked at of this machine, as it was before the virtual users took theirs. */
export function machineChecks({ slots, config, directory }: RunPlan): Check[] {
  const limits = v.parse(limitsSchema, JSON.parse(recorder.limits(directory)));
  return [k6Check(), ...limitChecks(needsOf(slots, config), limits, config.outDir)];
}

/** What is looked at of the server, and what it says of itself, if it does. */
export async function serverChecks(
  { config }: RunPlan,
  api: PlanApi,
): Promise<{ checks: Check[]; health: Health | undefined }> {
  const { check, health } = await serverCheck(api);
  if (health === undefined) return { checks: [check], health };
  const others = await Promise.all([
    listCheck(api),
    streamCheck(config.transport, api.access),
    clockCheck(api.access),
  ]);
  return { checks: [check, ...others], health };
}

/** Ends the run where something is not as it must be. */
export function requireMet(checks: readonly Check[]): void {
  const wrong = checks.filter(({ isMet }) => !isMet).map(({ text }) => text);
  if (wrong.length > 0) exec.test.abort(wrong.join(". "));
}

function k6Check(): Check {
  const version = recorder.k6Version();
  const isMet = /^(v2\.|unknown)/.test(version);
  const advice = "the load tests are for v2: run npm run build, or set K6_BIN to a k6 v2 with xk6-sse";
  return {
    name: "k6",
    isMet,
    text: isMet ? `${version}, with our extension` : `this k6 is ${version}, and ${advice}`,
  };
}

export async function serverCheck(api: PlanApi): Promise<{ check: Check; health: Health | undefined }> {
  const { baseUrl, hide } = api.access;
  const { status, body, text } = await api.health();
  const name = "server";
  if (body === undefined) {
    const found = `BASE_URL ${baseUrl} ${whyNoPlanApi(status, text)}`;
    return { check: { name, isMet: false, text: found }, health: undefined };
  }
  const health = { ...body, version: hide(body.version), behaviour: hide(body.behaviour) };
  return { check: { name, isMet: true, text: `${baseUrl}, version ${health.version}` }, health };
}

/** Whether the server lists its plans: by that list a run finds again what it has left. */
async function listCheck(api: PlanApi): Promise<Check> {
  const name = "plans";
  const { status, body, text } = await api.list();
  if (body !== undefined) return { name, isMet: true, text: `${body.length} on the server` };
  const said = status === 0 ? `was not answered (${text})` : `answered ${status} ${text}`.trim();
  return {
    name,
    isMet: false,
    text: `BASE_URL ${api.access.baseUrl} does not list its plans (GET /api/plans ${said}): a run could not delete what it leaves; mend or restart the server`,
  };
}

/**
 * Whether the server is the one that TRANSPORT means, by how it answers for a plan that there is not. Only a server that
 * says that it has no such call is another; whatever else is wrong with a stream is for the tests to show.
 */
async function streamCheck(transport: Transport, access: Access): Promise<Check> {
  const name = "stream";
  const { stream, path } = SIGNS[transport];
  const { status, body } = await ask(access, path);
  const isAbsent = status === 410 || (status === 404 && /"detail":\s*"Not Found"/.test(String(body)));
  if (!isAbsent) return { name, isMet: true, text: `nothing says that the server lacks its ${stream}` };
  const other = transport === "sse" ? "ws" : "sse";
  return {
    name,
    isMet: false,
    text: `BASE_URL ${access.baseUrl} has no ${stream}, which TRANSPORT=${transport} asks for (GET ${path} answered ${status}): set TRANSPORT=${other}, or BASE_URL to a server of the other version`,
  };
}

const ask = ({ baseUrl, headers }: Access, path: string) =>
  http.asyncRequest("GET", `${baseUrl}${path}`, null, {
    headers: { ...headers },
    redirects: 0,
    timeout: ASIDE_MS,
    tags: { name: "before the load" },
  });

/** The server's clock, as the Date of an answer has it, in whole seconds. What is left is measured before the load, and taken off. */
async function clockCheck(access: Access): Promise<Check> {
  const name = "clock";
  const aheadMs = Date.parse((await ask(access, "/health")).headers.Date ?? "") - recorder.now();
  if (Number.isNaN(aheadMs)) return { name, isMet: true, text: "the server does not tell its time" };
  const isMet = Math.abs(aheadMs) < CLOCKS_APART_MS;
  const seconds = Math.ceil(Math.abs(aheadMs) / 1_000);
  const apart = `the clocks of the server and of this machine are up to ${seconds} s apart`;
  return { name, isMet, text: isMet ? apart : `${apart}: have both set by NTP` };
}
