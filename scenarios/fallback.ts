import type { FallbackAnswer } from "../client/api.ts";
import { errorText } from "../client/errors.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import type { FallbackReport } from "../record/record.ts";
import { framed } from "../reports/foreign.ts";
import { smokeOr } from "../run/config.ts";
import type { Shape, UserContext } from "../run/loadtest.ts";
import { sample } from "../run/metrics.ts";

/** How long a plan whose run broke off may take to deliver its report. */
const PATIENCE_MS = smokeOr(1_000, 10_000);
const POLL_MS = 200;

/**
 * Asks a plan whose run broke off at `since` for its report and artefacts, and keeps the delivered HTML. Resolves to
 * whether there was one.
 */
export async function askForFallback<Numbers extends Shape>(
  context: UserContext<Numbers>,
  plan: string,
  cause: string,
  since: number,
): Promise<boolean> {
  const { meter } = context;
  const { hide } = context.api.access;
  const asked = await pollFallback(context, plan);
  const isDelivered = asked.report !== undefined;
  const availableMs = isDelivered ? recorder.now() - since : null;
  const { body: artefacts } = await context.api.artefacts(plan);
  const file = isDelivered ? keep(context, plan, hide(asked.report?.assembled_html ?? "")) : null;
  sample("fallback-report", isDelivered ? 1 : 0);
  const entry: Omit<FallbackReport, "test"> = {
    plan,
    cause,
    isDelivered,
    availableMs,
    completionPercentage: asked.report?.completion_percentage ?? null,
    missingSections: asked.report?.missing_sections.map(({ filename }) => hide(filename)) ?? [],
    artefacts: artefacts?.artefacts.length ?? 0,
    file,
    reason: asked.reason,
  };
  meter.add("fallbacks", entry, isDelivered ? 0 : 1);
  return isDelivered;
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

async function pollFallback<Numbers extends Shape>(
  { api, config, slotEndsAt }: UserContext<Numbers>,
  plan: string,
): Promise<{ report: FallbackAnswer | undefined; reason: string }> {
  const deadline = Math.min(recorder.now() + PATIENCE_MS[config.profile], slotEndsAt);
  for (;;) {
    const { body, status, text } = await api.fallbackReport(plan);
    if (body !== undefined && body.assembled_html !== "") return { report: body, reason: "" };
    if (recorder.now() + POLL_MS > deadline) return { report: undefined, reason: `${status} ${text}` };
    await sleep(POLL_MS);
  }
}
