// Writes the dashboards and alert rules: `npm run dashboards`.
import { fileURLToPath } from "node:url";
import { saveFile } from "../cli/files.ts";
import { generatedFiles } from "./files.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

for (const [path, content] of Object.entries(generatedFiles)) saveFile(HERE, path, content);
process.stdout.write(`${Object.keys(generatedFiles).length} files written to grafana/\n`);
