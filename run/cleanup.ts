import http from "k6/http";
import type { Access } from "../client/access.ts";
import { type PlanApi, planState, plansIn } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import type { Deleted } from "../record/deleted.ts";

const DELETE_ATTEMPTS = 3;
const TOO_MANY_REQUESTS = 429;
/** The longest Retry-After that is waited for. */
const LONGEST_WAIT_MS = 2_000;
/** After a set-up that failed there are few plans, and k6 gives the summary two minutes. */
const LAST_REQUEST_MS = 10_000;

/**
 * Deletes a plan, trying again where the server answers 5xx or 429, after what its Retry-After asks, two seconds at most,
 * and not after `giveUpAt`. Resolves to whether it is gone; undefined where the server did not answer.
 */
export async function deletePlan(
  api: PlanApi,
  id: string,
  giveUpAt = Infinity,
): Promise<boolean | undefined> {
  let waitMs = 0;
  let last = 0;
  for (let attempt = 0; attempt < DELETE_ATTEMPTS && recorder.now() < giveUpAt; attempt++) {
    if (waitMs > 0) await sleep(waitMs);
    const { status, retryAfterMs } = await api.delete(id);
    last = status;
    if (status === 200 || status === 404) return true;
    if (status > 0 && status < 500 && status !== TOO_MANY_REQUESTS) return false;
    waitMs = Math.min(retryAfterMs, LONGEST_WAIT_MS, api.endsAt - recorder.now());
  }
  return last === 0 ? undefined : false;
}

const POLL_OVER_MS = 50;

/**
 * Deletes a plan as soon as it is over, or after `withinMs`: a server may go on with the pipeline of a plan that was deleted
 * before. Resolves as `deletePlan` does.
 */
export async function deleteWhenOver(
  api: PlanApi,
  id: string,
  withinMs: number,
): Promise<boolean | undefined> {
  const giveUpAt = recorder.now() + withinMs;
  while (recorder.now() < giveUpAt && planState(await api.get(id)) === "running") await sleep(POLL_OVER_MS);
  return deletePlan(api, id);
}

/**
 * When deleting is given up, so that the last deletion and the list of what is left, of 35 s each at most, come within the
 * three minutes that k6 has for teardown.
 */
const GIVE_UP_MS = 100_000;

/**
 * Deletes every plan whose prompt carries one of the marks. What is left is empty when nothing of the run
 * is. The server's list has the last word: an answer that a plan was deleted is not yet its deletion. A list may hold
 * only the newest plans (a hundred on the real server), so that it is asked for again until it has none that was not tried.
 */
export async function deleteMarked(api: PlanApi, marks: readonly string[]): Promise<Deleted> {
  const giveUpAt = recorder.now() + GIVE_UP_MS;
  const tried = new Set<string>();
  for (;;) {
    const { body, status } = await api.list();
    if (body === undefined) return { deleted: 0, left: [notListed(status)] };
    const marked = body.filter(({ prompt }) => marks.some((mark) => prompt.includes(mark)));
    const fresh = marked.filter(({ plan_id }) => !tried.has(plan_id));
    if (fresh.length === 0 || recorder.now() > giveUpAt) {
      const left = marked.map(({ plan_id }) => notDeleted(plan_id));
      return { deleted: Math.max(0, tried.size - left.length), left };
    }
    for (const { plan_id } of fresh) {
      tried.add(plan_id);
      await deletePlan(api, plan_id, giveUpAt);
    }
  }
}

const notListed = (status: number) =>
  `plans may be left on the server: GET /api/plans ${status === 0 ? "was not answered" : `answered ${status}`}`;
const notDeleted = (id: string) => `plan ${id} could not be deleted`;
const mayAppear = (run: string) =>
  `a plan whose creation was not answered may yet appear on the server: npm run cleanup -- ${run} deletes it`;

/**
 * The same where no teardown comes: after a set-up that failed or was interrupted. In the summary nothing can be waited
 * for, so that the requests are made one by one, and once. Set-up has one plan at a time: where none is listed, its creation may
 * have been broken off.
 */
export function deleteMarkedAtOnce({ baseUrl, headers }: Access, mark: string, run: string): string[] {
  recorder.boundAnswers();
  const params = { headers, timeout: LAST_REQUEST_MS, redirects: 0 };
  const listed = http.get(`${baseUrl}/api/plans`, params);
  const plans = listed.status === 200 ? plansIn(String(listed.body)) : undefined;
  if (plans === undefined) return [notListed(listed.status)];
  const marked = plans.filter(({ prompt }) => prompt.includes(mark));
  if (marked.length === 0) return [mayAppear(run)];
  return marked.flatMap(({ plan_id }) => {
    const url = `${baseUrl}/api/plans/${plan_id}`;
    http.del(url, null, params);
    const { status } = http.get(url, params);
    return status === 404 ? [] : [notDeleted(plan_id)];
  });
}
