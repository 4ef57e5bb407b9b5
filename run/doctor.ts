import type { Options } from "k6/options";
import { PlanApi } from "../client/api.ts";
import type { Check } from "../record/check.ts";
import { machineChecks, serverChecks } from "./checks.ts";
import { forbiddenNetworks } from "./guard.ts";
import type { LoadTest } from "./loadtest.ts";
import { planRun } from "./run.ts";
import { type HandedOn, setupOf } from "./setup.ts";

/** A server that takes longer to tell its health is none to load. */
const HEALTH_MS = 5_000;

/** What k6 calls of a script that looks at everything a load of `tests` needs, and loads nothing. */
export interface Examination {
  options: Options;
  setup(): HandedOn<Check[]>;
  virtualUser(): void;
  /** Prints the checks as JSON. */
  handleSummary(data: { setup_data?: HandedOn<Check[]> }): Record<string, string>;
}

export function defineExamination(tests: readonly LoadTest[]): Examination {
  const run = planRun("suite", tests);
  return {
    options: {
      scenarios: { doctor: { executor: "per-vu-iterations", vus: 1, iterations: 1, exec: "virtualUser" } },
      blacklistIPs: forbiddenNetworks(run.config),
      noConnectionReuse: true,
      userAgent: "plan-load",
    },
    setup: setupOf(async () => {
      const { checks } = await serverChecks(run, new PlanApi(run.access, HEALTH_MS));
      return [...machineChecks(run), ...checks];
    }),
    virtualUser() {},
    handleSummary: ({ setup_data: handedOn }) => ({ stdout: `${JSON.stringify(handedOn?.value ?? [])}\n` }),
  };
}
