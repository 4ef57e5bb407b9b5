import { type FallbackAnswer, isNoRoute, type PlanState } from "../client/api.ts";
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
  const { meter } = context;
  const { hide } = context.api.access;
  const asked = context.hasFallback ? await pollFallback(context, plan, state) : NO_ROUTE;
  const isKnown = asked.report !== undefined || asked.isRefused;
  const isDelivered = asked.report !== undefined && asked.report.completion_percentage >= LEAST_COMPLETE;
  const availableMs = isDelivered ? recorder.now() - since : null;
  const artefacts = context.hasFallback ? (await context.api.artefacts(plan)).body : undefined;
  const file = asked.report !== undefined ? keep(context, plan, hide(asked.report.assembled_html)) : null;
  if (isKnown) sample("fallback-report", isDelivered ? 1 : 0);
  const entry: Omit<FallbackReport, "test"> = {
    plan,
    cause,
    isDelivered,
    availableMs,
    completionPercentage: asked.report?.completion_percentage ?? null,
    missingSections: asked.report?.missing_sections.map(({ filename }) => hide(filename)) ?? [],
    artefacts: artefacts?.artefacts.length ?? 0,
    file,
    reason:
      asked.report === undefined || isDelivered
        ? asked.reason
        : `complete to ${asked.report.completion_percentage} %: less than ${LEAST_COMPLETE} % is no report`,
  };
  meter.add("fallbacks", entry, isDelivered ? 0 : 1);
  return isKnown ? isDelivered : undefined;
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
  report: FallbackAnswer | undefined;
  /** Whether the server has said that there is none, the plan being over. */
  isRefused: boolean;
  /** Why there is none; "" where there is. */
  reason: string;
}

const NO_ROUTE: Asked = {
  report: undefined,
  isRefused: true,
  reason: "the server has no such route (404 Not Found)",
};

async function pollFallback<Numbers extends Shape>(
  { api, config, endsAt }: UserContext<Numbers>,
  plan: string,
  state: () => Promise<PlanState>,
): Promise<Asked> {
  let overSince: number | undefined;
  for (;;) {
    const answer = await api.fallbackReport(plan);
    if (isNoRoute(answer)) return NO_ROUTE;
    const { body: report, status, text } = answer;
    const hasReport = report !== undefined && report.assembled_html !== "";
    if (hasReport && report.completion_percentage >= LEAST_COMPLETE)
      return { report, isRefused: false, reason: "" };
    if (overSince === undefined && ["over", "gone"].includes(await state())) overSince = recorder.now();
    const patience = overSince === undefined ? endsAt : overSince + PATIENCE_MS[config.profile];
    if (recorder.now() + POLL_MS > Math.min(patience, endsAt)) {
      const isOver = overSince !== undefined;
      if (hasReport && isOver) return { report, isRefused: false, reason: "" };
      const said = status === 0 ? `not answered (${text})` : `${status} ${text}`;
      const reason = isOver ? said : `${said}; the plan was not seen to end`;
      return { report: undefined, isRefused: isOver && status > 0, reason };
    }
    await sleep(POLL_MS);
  }
}
