import * as v from "valibot";
import type { RunResults } from "../reports/json.ts";
import { TRANSPORT_NAMES } from "../reports/view.ts";
import { NOTIFY_FORMATS } from "../run/settings.ts";
import { fails } from "../thresholds/judge.ts";

/** What a scheduled job came to. */
export interface Outcome {
  /** 0: no target missed, and nothing worse than the baseline; 99: some; else the job itself failed. */
  exitCode: number;
  runs: readonly RunResults[];
  /** How the candidate compares with the baseline; null where none was asked for, or there was nothing to compare. */
  comparison: { baseline: string; isWorse: boolean; directory: string } | null;
  /** What went wrong after the runs, each in one sentence. */
  failures: string[];
}

/** The message, as the generic webhook gets it. */
export interface Message {
  verdict: "passed" | "missed" | "failed";
  exitCode: number;
  text: string;
  runs: {
    runId: string;
    release: string;
    transport: string;
    profile: string;
    passed: boolean;
    /** The ids of targets that were missed, and of those that could not be judged. */
    missed: string[];
    noData: string[];
    report: string;
  }[];
  comparison: { baseline: string; worse: boolean; report: string } | null;
}

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** Where notifications go, from the environment: NOTIFY_URL, NOTIFY_FORMAT, and REPORTS_URL, under which results are served. */
const environmentSchema = v.object({
  NOTIFY_URL: v.optional(
    v.pipe(v.string(), v.check(isWebUrl, "NOTIFY_URL is no URL: set it to that of a webhook")),
  ),
  NOTIFY_FORMAT: v.optional(
    v.picklist(NOTIFY_FORMATS, "NOTIFY_FORMAT is neither json nor slack: set it to one of the two"),
    "json",
  ),
  REPORTS_URL: v.optional(
    v.pipe(v.string(), v.check(isWebUrl, "REPORTS_URL is no URL: set it to where the results are served")),
  ),
});
export type Notifier = v.InferOutput<typeof environmentSchema>;

/** @throws Error with one sentence, which does not repeat the URL: it holds a secret */
export function readNotifier(env: NodeJS.ProcessEnv): Notifier {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = v.safeParse(environmentSchema, given);
  if (result.success) return result.output;
  throw new Error(result.issues[0].message);
}

const VERDICTS: Record<number, Message["verdict"]> = { 0: "passed", 99: "missed" };
const SIGNS: Record<Message["verdict"], string> = { passed: "✓", missed: "✗", failed: "?" };

/** What a run came to: no data is not met either, but it is no miss. */
function resultOf({ passed, targets }: RunResults): string {
  const failed = targets.filter(fails);
  if (failed.length === 0) return passed ? "no target missed" : "not complete";
  return `not met: ${failed.map(({ id, verdict }) => `${id} (${verdict})`).join(", ")}`;
}

/** The message of an outcome. `out` is the directory of results; `reportsUrl` where that is served, if it is. */
export function messageOf(
  { exitCode, runs, comparison, failures }: Outcome,
  out: string,
  reportsUrl?: string,
): Message {
  const report = (directory: string) => `${(reportsUrl ?? out).replace(/\/+$/, "")}/${directory}/report.html`;
  const verdict = VERDICTS[exitCode] ?? "failed";
  const told = runs.map(({ runId, release, transport, profile, passed, targets }) => ({
    runId,
    release,
    transport,
    profile,
    passed,
    missed: targets.filter(({ verdict }) => verdict === "missed").map(({ id }) => id),
    noData: targets.filter(({ verdict }) => verdict === "no data").map(({ id }) => id),
    report: report(runId),
  }));
  const compared =
    comparison === null
      ? null
      : {
          baseline: comparison.baseline,
          worse: comparison.isWorse,
          report: report(comparison.directory),
        };
  const lines = [
    `${SIGNS[verdict]} Plan load tests: ${verdict === "failed" ? `the job failed (exit code ${exitCode})` : verdict}`,
    ...runs.map(
      (run) =>
        `${TRANSPORT_NAMES[run.transport]}, release ${run.release}: ${resultOf(run)} (${report(run.runId)})`,
    ),
    ...(compared === null
      ? []
      : [
          `${compared.worse ? "worse than" : "no worse than"} baseline ${compared.baseline} (${compared.report})`,
        ]),
    ...failures,
  ];
  return { verdict, exitCode, text: lines.join("\n"), runs: told, comparison: compared };
}

const TIMEOUT_MS = 10_000;

/**
 * Posts the message to the webhook, if there is one: as it is, or as Slack takes it.
 * @throws Error with one sentence that does not repeat the URL
 */
export async function notify(
  { NOTIFY_URL: url, NOTIFY_FORMAT: format }: Notifier,
  message: Message,
): Promise<void> {
  if (url === undefined) return;
  const body = JSON.stringify(format === "slack" ? { text: message.text } : message);
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, {
    method: "POST",
    headers,
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).then(
    ({ ok, status }) => (ok ? "" : `answered ${status}`),
    () => "could not be reached",
  );
  if (answer !== "") throw new Error(`the webhook in NOTIFY_URL ${answer}: nobody was notified`);
}
