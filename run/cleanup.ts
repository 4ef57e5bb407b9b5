import type { PlanApi } from "../client/api.ts";

const DELETE_ATTEMPTS = 3;

/** Deletes a plan, trying again where the server answers 5xx. Resolves to whether it is gone. */
export async function deletePlan(api: PlanApi, id: string): Promise<boolean> {
  for (let attempt = 0; attempt < DELETE_ATTEMPTS; attempt++) {
    const { status } = await api.delete(id);
    if (status === 200 || status === 404) return true;
    if (status > 0 && status < 500) return false;
  }
  return false;
}

/**
 * Deletes every plan whose prompt carries `mark`. Resolves to what could not be deleted, in words; empty when nothing
 * of the run is left.
 */
export async function deleteMarked(api: PlanApi, mark: string): Promise<string[]> {
  const { body: plans, status } = await api.list();
  if (plans === undefined) return [`plans may be left on the server: GET /api/plans answered ${status}`];
  const left: string[] = [];
  for (const plan of plans.filter(({ prompt }) => prompt.includes(mark))) {
    if (!(await deletePlan(api, plan.plan_id))) left.push(`plan ${plan.plan_id} could not be deleted`);
  }
  return left;
}
