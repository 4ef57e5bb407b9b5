import { join } from "node:path";
import { Command } from "commander";
import { type Deleted, deletedSchema } from "../record/deleted.ts";
import type { RunRecord } from "../record/record.ts";
import { type Found, isAlive, recordsOf } from "./broken-off.ts";
import { askK6 } from "./k6.ts";
import { saveRun } from "./merging.ts";
import { fail, outOption } from "./options.ts";

new Command("npm run cleanup --")
  .description(
    "Deletes the plans that a run which was killed left on its server, those of all its instances and no others. The " +
      "server is the one in the run's record, or BASE_URL of the environment. Exits with 1 where plans are left.",
  )
  .argument("<run>", "the id of the run: the name of its directory")
  .addOption(outOption())
  .allowExcessArguments(false)
  .action(async (run: string, { out }: { out: string }) => {
    process.exitCode = await cleanUp(run, out);
  })
  .parseAsync()
  .catch(fail);

async function cleanUp(run: string, out: string): Promise<number> {
  const found = recordsOf(join(out, run));
  const [first] = found;
  if (first === undefined) {
    throw new Error(
      `${join(out, run)} holds no record that can be read, which would tell the server: bin/k6 run -e BASE_URL=… -e RUN_ID=${run} dist/cleanup.js deletes the plans of a run on a server`,
    );
  }
  const running = found.find(({ record }) => record.state === "running" && isAlive(record.by));
  if (running !== undefined) {
    throw new Error(
      `${run} still runs, as process ${running.record.by?.pid}: end that with an interrupt, and its plans go with it`,
    );
  }
  const baseUrl = process.env.BASE_URL || first.record.target.baseUrl;
  const { deleted, left } = await deletePlans(first.record, baseUrl);
  process.stdout.write([...left, `${deleted} plans of ${run} deleted on ${baseUrl}`, ""].join("\n"));
  if (left.length > 0) return 1;
  for (const one of found) conclude(one, deleted);
  return 0;
}

function deletePlans({ runId, transport }: RunRecord, baseUrl: string): Promise<Deleted> {
  const { ALLOW_REMOTE = "" } = process.env;
  const settings = { ALLOW_REMOTE, BASE_URL: baseUrl, TRANSPORT: transport, RUN_ID: runId };
  return askK6("cleanup", settings, deletedSchema);
}

/** A record that says that its run runs says so no longer. */
function conclude({ directory, record }: Found, deleted: number): void {
  if (record.state !== "running") return;
  const text = `k6 ended without a record of its end; npm run cleanup deleted ${deleted} plans of the run`;
  saveRun(directory, { ...record, state: "interrupted", findings: [...record.findings, text] });
}
