import type { LoadTest } from "../run/loadtest.ts";
import { basicConnection } from "./basic-connection.ts";
import { multipleClients } from "./multiple-clients.ts";
import { TEST_NAMES, type TestName } from "./names.ts";
import { reconnection } from "./reconnection.ts";

const BY_NAME: Record<TestName, LoadTest> = {
  "basic-connection": basicConnection,
  "multiple-clients": multipleClients,
  reconnection,
};

/** Every load test, in the order in which the suite runs them: those that can poison a server come last. */
export const LOAD_TESTS: readonly LoadTest[] = TEST_NAMES.map((name) => BY_NAME[name]);
