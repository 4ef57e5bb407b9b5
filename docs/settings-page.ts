import { Command, type Option } from "commander";
import { ABOUT, COMMAND_VARIABLES, SETTINGS, type Setting, type SettingName } from "../run/settings.ts";

/** The programs whose options are listed, in the order in which they are met. */
const PROGRAMS = [
  "start",
  "doctor",
  "compare",
  "baseline",
  "history",
  "merge",
  "prune",
  "cleanup",
  "schedule",
  "scheduled",
];

const INTRODUCTION = `# Settings

<!-- Made by \`npm run docs\` from run/settings.ts and the programs in cli/: change those. -->

Read once and checked before any load. A wrong value, or a name that there is not, stops the run with one sentence: exit
code 108 of k6, 1 of \`npm start\`. Of several places that give a setting the first counts:

1. an option: \`npm start -- --profile stress\`, or \`bin/k6 run -e PROFILE=stress\` (\`npm start\` hands its options to k6 so)
2. the environment: \`export PROFILE=stress\`
3. the default.

An empty value counts as none. What \`-e\` gives has to be one of these; in the environment, which is mostly other programs',
only a slip of the pen is refused: letters exchanged, left out, or too many, in a name of six letters or more.
\`npm start\` sets \`BASE_URL\`, \`TRANSPORT\` and \`RUN_ID\` itself, whatever the environment has. Secrets are taken from the
environment only.
`;

/** docs/settings.md, as the code makes it. */
export async function settingsPage(): Promise<string> {
  const programs = await commands();
  return [
    INTRODUCTION,
    "## Of a run\n",
    settingsTable(Object.entries(SETTINGS).map(withAbout)),
    "## Of the commands around it\n",
    settingsTable(Object.entries(COMMAND_VARIABLES)),
    "k6's own, such as `K6_PROMETHEUS_RW_USERNAME`, are k6's: [dashboards.md](dashboards.md) names those that are of use here.",
    "Options of k6 that would leave out a check, hold back the load or lose the verdict are refused: `--no-setup`,",
    "`--no-teardown`, `--rps`, `--summary-mode=disabled`, `--new-machine-readable-summary`, and `--tag` without `--features merge-run-tags`.\n",
    "## Options\n",
    ...programs.map(optionsTable),
    "The reference server's: [reference-server.md](reference-server.md).\n",
  ].join("\n");
}

type Described = [name: string, setting: Setting & { about: string }];

const withAbout = ([name, setting]: [string, Setting]): Described => [
  name,
  { ...setting, about: ABOUT[name as SettingName] },
];

const settingsTable = (settings: Described[]): string =>
  table(
    ["variable", "option", "default", "allowed", ""],
    settings.map(([name, { option, default: value, form, about, isSecret }]) => [
      code(name),
      (option ?? "").split(", ").filter(Boolean).map(code).join(", "),
      value === "" ? "" : code(value),
      form.allowed,
      isSecret ? `${about} A secret.` : about,
    ]),
  );

function optionsTable(program: Command): string {
  const rows = program.options.map((option) => [
    code(option.flags),
    defaultOf(option),
    option.argChoices?.map(code).join(", ") ?? "",
    option.description,
  ]);
  return (
    `### \`${program.name()} ${program.usage().replace("[options] ", "").replace("[options]", "")}`.trimEnd() +
    `\`\n\n${program.description()}\n\n${table(["option", "default", "allowed", ""], rows)}`
  );
}

const defaultOf = ({ defaultValue, defaultValueDescription }: Option): string =>
  defaultValueDescription ?? String(defaultValue ?? "");

const code = (text: string): string => `\`${text}\``;

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line), ""].join("\n");
}

/** The programs as they describe themselves. A program runs as soon as it is loaded: here it is only looked at. */
async function commands(): Promise<Command[]> {
  const found: Command[] = [];
  const { parseAsync } = Command.prototype;
  Command.prototype.parseAsync = function () {
    found.push(this);
    return Promise.resolve(this);
  };
  try {
    for (const program of PROGRAMS) await import(`../cli/${program}.ts`);
  } finally {
    Command.prototype.parseAsync = parseAsync;
  }
  return found;
}
