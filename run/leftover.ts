import exec from "k6/execution";
import type { Options } from "k6/options";
import { PlanApi } from "../client/api.ts";
import type { Deleted } from "../record/deleted.ts";
import { marksOf } from "../record/instance.ts";
import { serverCheck } from "./checks.ts";
import { deleteMarked } from "./cleanup.ts";
import { forbiddenNetworks } from "./guard.ts";
import type { LoadTest } from "./loadtest.ts";
import { planRun } from "./run.ts";
import { type HandedOn, setupOf } from "./setup.ts";

const REQUEST_MS = 35_000;

/** What k6 calls of a script that deletes the plans of the run RUN_ID, and loads nothing. */
export interface Deletion {
  options: Options;
  setup(): HandedOn<Deleted>;
  virtualUser(): void;
  /** Prints what was deleted and what is left as JSON. */
  handleSummary(data: { setup_data?: HandedOn<Deleted> }): Record<string, string>;
}

export function defineDeletion(tests: readonly LoadTest[]): Deletion {
  const { config, access } = planRun("cleanup", tests);
  if (config.runId === undefined)
    exec.test.abort("RUN_ID is not set: it says of which run the plans are to be deleted");
  return {
    options: {
      scenarios: { cleanup: { executor: "per-vu-iterations", vus: 1, iterations: 1, exec: "virtualUser" } },
      blacklistIPs: forbiddenNetworks(config),
      noConnectionReuse: true,
      userAgent: "plan-load",
      setupTimeout: "180s",
    },
    setup: setupOf(async () => {
      const api = new PlanApi(access, REQUEST_MS);
      const { check, health } = await serverCheck(api);
      if (health === undefined) return { deleted: 0, left: [check.text] };
      return deleteMarked(api, marksOf(config.runId ?? ""));
    }),
    virtualUser() {},
    handleSummary: ({ setup_data: handedOn }) =>
      handedOn?.value === undefined ? {} : { stdout: `${JSON.stringify(handedOn.value)}\n` },
  };
}
