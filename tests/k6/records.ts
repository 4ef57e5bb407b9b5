import { recorder } from "../../client/extension.ts";

/** Writes a record as a run does, and then again and again until it is killed. The record is in the file RECORD_FILE. */
const record = open(__ENV.RECORD_FILE ?? "");
const directory = __ENV.RECORD_DIRECTORY ?? "";

export default function write(): void {
  recorder.begin(directory, record.replace('"complete"', '"running"'));
  for (;;) recorder.save(directory, "run.json", record);
}
