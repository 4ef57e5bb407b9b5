// Writes a record as a program of cli/ does, again and again until it is killed.
import { readFileSync } from "node:fs";
import { saveFile } from "../cli/files.ts";

const record = readFileSync(process.env.RECORD_FILE ?? "", "utf8");
for (;;) saveFile(process.env.RECORD_DIRECTORY ?? "", "run.json", record);
