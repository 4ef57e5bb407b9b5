// How sources become bundles: one for k6's JavaScript runtime, one for Node's.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import Handlebars from "handlebars";

/** The helpers of reports/html.ts and deploy/files.ts: known ones cost less code in each template. */
const HELPERS = { knownHelpers: { join: true, json: true }, knownHelpersOnly: true };

/** The module that a template is, precompiled: k6 needs no compiler. */
export function templateModule(path) {
  const options = { preventIndent: true, ...HELPERS };
  return `export default ${Handlebars.precompile(readFileSync(path, "utf8"), options)}`;
}

/** What others wrote, for k6: every virtual user holds it, and nobody reads its names in a message. */
const libraries = {
  name: "short-names-of-libraries",
  setup(build) {
    build.onLoad({ filter: /node_modules\/.*\.m?js$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(readFileSync(path, "utf8"), { minify: true });
      return { contents: code, loader: "js" };
    });
  },
};

const templates = {
  name: "handlebars-templates",
  setup(build) {
    build.onLoad({ filter: /\.hbs$/ }, async ({ path }) => {
      // What the compiler of templates made is read by nobody: its names need not stay.
      const { code } = await esbuild.transform(templateModule(path), { minify: true });
      return { contents: code, loader: "js" };
    });
  },
};

const common = {
  bundle: true,
  format: "esm",
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [templates],
  logLevel: "warning",
  alias: { "handlebars/runtime": "handlebars/dist/cjs/handlebars.runtime.js" },
};

/** Bundles scripts that k6 runs: each one file, with k6's own modules left out. */
export function bundleForK6(entryPoints, outdir) {
  return esbuild.build({
    ...common,
    plugins: [templates, libraries],
    entryPoints,
    outdir,
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["k6", "k6/*"],
    // Every virtual user holds the bundle. Names stay, for messages that can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    // k6's parser stumbles over class fields named get or delete.
    supported: { "class-field": false },
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  });
}

/** Bundles programs that Node runs. */
export function bundleForNode(entryPoints, outdir) {
  return esbuild.build({
    ...common,
    entryPoints,
    outdir,
    target: "node20",
    platform: "node",
    outExtension: { ".js": ".mjs" },
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
}
