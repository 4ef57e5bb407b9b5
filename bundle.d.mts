type EntryPoints = string[] | { in: string; out: string }[];

/** Bundles scripts that k6 runs: each one file, with k6's own modules left out. */
export function bundleForK6(entryPoints: EntryPoints, outdir: string): Promise<unknown>;

/** Bundles programs that Node runs. */
export function bundleForNode(entryPoints: EntryPoints, outdir: string): Promise<unknown>;
