import type { PlanApi } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import { parseStamp } from "../client/stamp.ts";
import type { RunRecord } from "../record/record.ts";
import { deleteWhenOver } from "./cleanup.ts";

const PROBES = 5;
/** How long a plan of a probe is waited for to be over. */
const OVER_WITHIN_MS = 2_000;
/** No further probe is begun after this: a server that is slow to create plans must not use up the time of set-up. */
const LONGEST_MS = 10_000;

/**
 * Estimates what the server's clock is ahead of this machine's, from `created_at` of plans bracketed by their
 * requests; of several, the tightest bracket counts. The plans are deleted when they are over, so that none runs beside
 * what follows: a server may go on with the pipeline of a deleted plan. Null where the server tells no time.
 */
export async function estimateClock(api: PlanApi, model: string, mark: string): Promise<RunRecord["clock"]> {
  let best: { offsetMs: number; uncertaintyMs: number } | undefined;
  const startedAt = recorder.now();
  for (let i = 0; i < PROBES && recorder.now() - startedAt < LONGEST_MS; i++) {
    const probe = await probeClock(api, model, mark);
    if (probe !== undefined && (best === undefined || probe.uncertaintyMs < best.uncertaintyMs)) best = probe;
  }
  return best === undefined ? null : { ...best, applied: Math.abs(best.offsetMs) > best.uncertaintyMs };
}

async function probeClock(api: PlanApi, model: string, mark: string) {
  const prompt = `What time is it? (load test, ${mark}) [stub lines=1 rate=1000]`;
  const { at, durationMs, body: plan } = await api.create({ prompt, model });
  if (plan === undefined) return undefined;
  await deleteWhenOver(api, plan.plan_id, OVER_WITHIN_MS);
  const createdAt = parseStamp(plan.created_at);
  const uncertaintyMs = durationMs / 2;
  return createdAt === undefined ? undefined : { offsetMs: createdAt - (at + uncertaintyMs), uncertaintyMs };
}
