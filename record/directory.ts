/** Where baselines are kept, in a directory of results. */
export const BASELINES = "baselines";

/** The pages beside the runs in a directory of results. */
export const PAGES = { history: "history.html", index: "index.html" } as const;

/** What is no run in a directory of results: a run of that name would be in its way, or hidden by it. */
export const BESIDE_RUNS: readonly string[] = [BASELINES, ...Object.values(PAGES)];
