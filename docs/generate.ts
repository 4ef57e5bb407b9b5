// Writes docs/settings.md: `npm run docs`.
import { fileURLToPath } from "node:url";
import { saveFile } from "../cli/files.ts";
import { settingsPage } from "./settings-page.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

saveFile(HERE, "settings.md", await settingsPage());
process.stdout.write("docs/settings.md written\n");
