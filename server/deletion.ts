import { type Context, strikes } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { Plan } from "./plans.ts";

/**
 * Deletes a plan, unless a fault is in the way.
 * @throws ApiError 500 when the plan is still there; another try may succeed
 */
export function deletePlan(context: Context, plan: Plan): void {
  if (strikes(context, "sse-delete-race")) {
    throw new ApiError(500, "Failed to delete plan: its pipeline was writing to the database");
  }
  if (plan.unfinished && strikes(context, "ws-delete-500")) {
    plan.cutShort();
    throw new ApiError(500, `Failed to delete plan: [Errno 39] Directory not empty: 'run/${plan.id}'`);
  }
  context.plans.delete(plan);
}
