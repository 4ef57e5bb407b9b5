import type { LoadTest } from "../run/loadtest.ts";
import { basicConnection } from "./basic-connection.ts";
import { multipleClients } from "./multiple-clients.ts";
import { reconnection } from "./reconnection.ts";

/** Every load test, in the order in which the suite runs them: those that can poison a server come last. */
export const LOAD_TESTS: readonly LoadTest[] = [basicConnection, multipleClients, reconnection];
