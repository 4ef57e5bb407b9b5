import { type Answer, type FallbackAnswer, isNoRoute, type PlanState } from "../client/api.ts";
import { errorText } from "../client/errors.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import type { FallbackReport } from "../record/record.ts";
import { framed } from "../reports/foreign.ts";
import { smokeOr } from "../run/config.ts";
import type { Shape, UserContext } from "../run/loadtest.ts";
import { sample } from "../run/metrics.ts";

/** How long a plan that is over may take to deliver its report. */
const PATIENCE_MS = smokeOr(1_000, 10_000);
const POLL_MS = 200;
/**
 * What is complete to less than this, in percent, tells nothing of the plan, and is no report. Ours: the real WebSocket
 * version (October 2025) answers with 0 to 3.6 % where a pipeline failed early.
 */
const LEAST_COMPLETE = 5;

/**
 * Asks a plan whose run broke off at `since` for its report and artefacts, and keeps the delivered HTML. Resolves to
 * whether there was one; undefined where that cannot be told: the server did not answer, or the plan outlasted the test.
 * `state` tells how the plan stands: its report is due when it is over.
 */
export async function askForFallback<Numbers extends Shape>(
  context: UserContext<Numbers>,
  plan: string,
  cause: string,
  since: number,
  state: () => Promise<PlanState>,
): Promise<boolean | undefined> {
  const asked = context.hasFallback ? await pollFallback(context, plan, state) : NO_ROUTE;
  const artefacts = context.hasFallback ? (await context.api.artefacts(plan)).body : undefined;
  const isDelivered = asked.isDelivered === true;
  if (asked.isDelivered !== undefined) sample("fallback-report", isDelivered ? 1 : 0);
  const entry: Omit<FallbackReport, "test"> = {
    plan,
    cause,
    isDelivered,
    availableMs: isDelivered ? recorder.now() - since : null,
    artefacts: artefacts?.artefacts.length ?? 0,
    reason: asked.reason,
    ...contentOf(context, plan, asked.report),
  };
  context.meter.add("fallbacks", entry, isDelivered ? 0 : 1);
  return asked.isDelivered;
}

/** What is told of a report's content. */
function contentOf<Numbers extends Shape>(
  context: UserContext<Numbers>,
  plan: string,
  report: FallbackAnswer | undefined,
): Pick<FallbackReport, "completionPercentage" | "missingSections" | "file"> {
  if (report === undefined) return { completionPercentage: null, missingSections: [], file: null };
  const { hide } = context.api.access;
  return {
    completionPercentage: report.completion_percentage,
    missingSections: report.missing_sections.map(({ filename }) => hide(filename)),
    file: keep(context, plan, hide(report.assembled_html)),
  };
}

/** Saves a delivered report, and returns its name; null where it cannot be saved, which says nothing of the server. */
function keep<Numbers extends Shape>(
  { directory, meter }: UserContext<Numbers>,
  plan: string,
  html: string,
): string | null {
  const file = fileOf(plan);
  try {
    recorder.save(directory, file, framed(html, `Fallback report of plan ${plan}`));
    return file;
  } catch (error) {
    meter.add("findings", { text: `a delivered report could not be kept: ${errorText(error)}` });
    return null;
  }
}

const fileOf = (plan: string): string => `fallback-${plan.replace(/[^\w.-]/g, "_").slice(0, 200)}.html`;

/** What was learnt by asking for a report. */
interface Asked {
  /** Undefined where the server did not tell, or the plan was not seen to end. */
  isDelivered: boolean | undefined;
  report?: FallbackAnswer;
  /** Why it is not delivered, or why that is not known; "" where it is. */
  reason: string;
}

const NO_ROUTE: Asked = { isDelivered: false, reason: "the server has no such route (404 Not Found)" };

async function pollFallback<Numbers extends Shape>(
  { api, config, endsAt }: UserContext<Numbers>,
  plan: string,
  state: () => Promise<PlanState>,
): Promise<Asked> {
  let overSince: number | undefined;
  for (;;) {
    const answer = await api.fallbackReport(plan);
    if (isNoRoute(answer)) return NO_ROUTE;
    if (isEnough(answer.body)) return { isDelivered: true, report: answer.body, reason: "" };
    if (overSince === undefined && ["over", "gone"].includes(await state())) overSince = recorder.now();
    const patience = overSince === undefined ? endsAt : overSince + PATIENCE_MS[config.profile];
    if (recorder.now() + POLL_MS > Math.min(patience, endsAt))
      return lastWord(answer, overSince !== undefined);
    await sleep(POLL_MS);
  }
}

const isEnough = (report: FallbackAnswer | undefined): report is FallbackAnswer =>
  report !== undefined && report.assembled_html !== "" && report.completion_percentage >= LEAST_COMPLETE;

/** What the last answer tells, when no better one can be waited for. */
function lastWord({ body: report, status, text }: Answer<FallbackAnswer>, isOver: boolean): Asked {
  if (!isOver) return { isDelivered: undefined, reason: `the plan was not seen to end (${status} ${text})` };
  if (status === 0) return { isDelivered: undefined, reason: `not answered (${text})` };
  if (report === undefined) return { isDelivered: false, reason: `${status} ${text}` };
  const complete = `complete to ${report.completion_percentage} %`;
  return { isDelivered: false, report, reason: `${complete}: less than ${LEAST_COMPLETE} % is no report` };
}
