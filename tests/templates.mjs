// Lets Node import Handlebars templates, precompiled as they are in the bundles: node --import ./tests/templates.mjs
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { templateModule } from "../bundle.mjs";

if (isMainThread) register(import.meta.url);

/** Node's hook for loading a module. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith(".hbs")) return nextLoad(url, context);
  return { format: "module", source: templateModule(fileURLToPath(url)), shortCircuit: true };
}
