import type { PlanApi } from "../client/api.ts";
import { sleep } from "../client/time.ts";
import { isPrompt } from "./health.ts";

/*
 * The SSE version of autumn 2025 gives the database connection of a stream back neither when the stream ends nor when its
 * client leaves, but when Python collects garbage; and that goes by allocations, not by time (seen with FastAPI 0.115.6 and
 * SQLAlchemy 2.0.36). So thirteen streams one after the other freeze it, however long the pauses between them, and each test
 * would measure what the tests before it have left. A query of many parameters makes the server allocate them: nobody reads
 * it, no connection is taken for it, and it is answered in a millisecond or two. About six of them make a collection.
 */
const REQUESTS = 8;
/** A server notices that its clients have left, and what is still in use then is not collected for long. */
const NOTICED_MS = 250;

/** Has the server collect what its streams have left, as far as it answers promptly. */
export async function settle(api: PlanApi): Promise<void> {
  await sleep(NOTICED_MS);
  for (let i = 0; i < REQUESTS; i++) {
    if (!isPrompt(await api.paddedHealth())) return;
  }
}
