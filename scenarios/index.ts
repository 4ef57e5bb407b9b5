import type { LoadTest } from "../run/loadtest.ts";
import { basicConnection } from "./basic-connection.ts";
import { cleanupRace } from "./cleanup-race.ts";
import { concurrentWorkers } from "./concurrent-workers.ts";
import { endurance } from "./endurance.ts";
import { fallbackReport } from "./fallback-report.ts";
import { multipleClients } from "./multiple-clients.ts";
import { TEST_NAMES, type TestName } from "./names.ts";
import { planScaling } from "./plan-scaling.ts";
import { rapidCreateDelete } from "./rapid-create-delete.ts";
import { reconnection } from "./reconnection.ts";
import { throughput } from "./throughput.ts";

const BY_NAME: Record<TestName, LoadTest> = {
  "basic-connection": basicConnection,
  "multiple-clients": multipleClients,
  reconnection: reconnection,
  "fallback-report": fallbackReport,
  throughput: throughput,
  "plan-scaling": planScaling,
  endurance: endurance,
  "concurrent-workers": concurrentWorkers,
  "rapid-create-delete": rapidCreateDelete,
  "cleanup-race": cleanupRace,
};

/** Every load test, in the order in which the suite runs them. */
export const LOAD_TESTS: readonly LoadTest[] = TEST_NAMES.map((name) => BY_NAME[name]);
