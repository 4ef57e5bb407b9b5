import type { Answer, Plan } from "../client/api.ts";
import type { Shape, UserContext } from "../run/loadtest.ts";

/** What is asked of a simulated pipeline: lines, and lines a second. A server that does not know it takes it as text. */
export interface Stub {
  lines: number;
  rate: number;
  exit?: number;
}

/** Creates a plan for a test. Its prompt carries the run's mark. `withModel` false: a plan whose process never starts. */
export function createPlan<Numbers extends Shape>(
  { api, model, mark, meter }: UserContext<Numbers>,
  { lines, rate, exit = 0 }: Stub,
  withModel = true,
): Promise<Answer<Plan>> {
  const prompt = `Create a simple marketing plan for a local bakery (load test ${meter.test}, ${mark}) [stub lines=${lines} rate=${rate} exit=${exit}]`;
  return api.create({ prompt, model: withModel ? model : null });
}
