import type { RunRecord, TestRecord } from "../record/record.ts";
import { clip, lasting } from "./format.ts";

/** The most different answers of a server that are quoted. */
const MOST_QUOTED = 3;
/** A server that recovered sooner has not been hurt. */
const WORTH_TELLING_MS = 1_000;

/** What is to be known before any verdict of a run is read, in sentences. */
export function notices(record: RunRecord): string[] {
  return [...notPlayed(record), ...freshServers(record), ...serverWords(record)].map(clip);
}

/** Which tests were not played, and why: once for all that have the same reason. */
function notPlayed({ tests }: RunRecord): string[] {
  const reasons = new Map<string, string[]>();
  for (const { name, withheld } of tests) {
    if (withheld !== null) reasons.set(withheld, [...(reasons.get(withheld) ?? []), name]);
  }
  return [...reasons].map(([reason, names]) => `Not played: ${names.join(", ")}. Why: ${reason}.`);
}

function freshServers({ tests }: RunRecord): string[] {
  const fresh = tests.filter(({ hadFreshServer }) => hadFreshServer).map(({ name }) => name);
  return fresh.length === 0 ? [] : [`The server was restarted before each of: ${fresh.join(", ")}.`];
}

/** What the server itself said in its answers 5xx, each once. */
function serverWords({ failedRequests: { kept } }: RunRecord): string[] {
  const times = new Map<string, number>();
  for (const { status, answer } of kept) {
    if (status < 500) continue;
    const words = `${status} ${detailOf(answer)}`;
    times.set(words, (times.get(words) ?? 0) + 1);
  }
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST_QUOTED)
    .map(([words, n]) => `The server's own words, ${n === 1 ? "once" : `${n} times`}: ${words}`);
}

/** The detail of a JSON answer, or its text, without what differs from plan to plan. */
function detailOf(answer: string): string {
  const detail = /"detail"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(answer)?.[1] ?? answer;
  return detail.replace(/PlanExe_[\w-]+/g, "{id}").trim();
}

/** How the server came out of a test, where that took a while; "" where not. */
export function recoveryText({ recoveryMs }: Pick<TestRecord, "recoveryMs">): string {
  return recoveryMs === null || recoveryMs < WORTH_TELLING_MS
    ? ""
    : `the server recovered ${lasting(recoveryMs)} after it`;
}
