import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { ROOT } from "./harness.ts";

const DIRECTORY = join(ROOT, "tests/records");

/** Records of real runs, by what they are: met, missed, no-data, interrupted, endurance, schema-1. */
export const RECORDS: Readonly<Record<string, RunRecord>> = Object.fromEntries(
  readdirSync(DIRECTORY).map((file) => [
    file.replace(".json.gz", ""),
    parseRecord(gunzipSync(readFileSync(join(DIRECTORY, file))).toString(), file),
  ]),
);

export function realRecord(kind: string): RunRecord {
  const record = RECORDS[kind];
  if (record === undefined) throw new Error(`no record ${kind}`);
  return record;
}
