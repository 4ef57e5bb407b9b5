// `npm run faults`: every fault of the matrix, and the healthy server five times over each transport, against the tests
// that can see them; prints what was expected of each target and what was seen.
import { columns } from "../reports/terminal.ts";
import { type Expectation, FAULT_MATRIX } from "./fault-matrix.ts";
import { allowed, deviationsOf, type Played, play, playFault } from "./play.ts";

const HEALTHY_ROUNDS = 5;
const AT_ONCE = 2;

interface Row {
  name: string;
  expectation: Expectation;
  run: () => Promise<Played>;
}

const healthy = (["sse", "ws"] as const).flatMap((transport) =>
  Array.from({ length: HEALTHY_ROUNDS }, (_, i): Row => {
    const expectation: Expectation = { fault: "healthy", transport, tests: [], missed: [] };
    return { name: `healthy ${i + 1}`, expectation, run: () => play({ transport }) };
  }),
);
const wanted = process.argv.slice(2);
const faults = FAULT_MATRIX.map(
  (expectation): Row => ({ name: expectation.fault, expectation, run: () => playFault(expectation) }),
);
const rows = [...faults, ...healthy].filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);

const problems: string[] = [];
const table: string[][] = [];

async function judge({ name, expectation, run }: Row): Promise<void> {
  const started = Date.now();
  const { record } = await run();
  const wrong = deviationsOf(record, expectation);
  problems.push(...wrong.map((text) => `${name} over ${expectation.transport}: ${text}`));
  // Where tests are told apart, the verdict over all of them is nobody's.
  const targets = expectation.byTest === undefined ? record.targets : [];
  for (const { id, verdict } of targets) {
    const expected = allowed(id, expectation);
    const isNews = expected[0] !== "met" || verdict !== "met";
    if (isNews)
      table.push([
        name,
        expectation.transport,
        id,
        expected.join(" or "),
        verdict,
        expected.includes(verdict) ? "✓" : "✗",
      ]);
  }
  const met = record.targets.filter(({ verdict }) => verdict === "met").length;
  const seconds = Math.round((Date.now() - started) / 1_000);
  table.push([
    name,
    expectation.transport,
    `${met} of ${record.targets.length} met`,
    "",
    `${seconds} s`,
    wrong.length === 0 ? "✓" : "✗",
  ]);
  process.stderr.write(
    `${name} over ${expectation.transport}: ${wrong.length === 0 ? "as expected" : wrong.join("; ")}\n`,
  );
}

const queue = [...rows];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) await judge(row);
  }),
);
table.sort(([a = "", b = ""], [c = "", d = ""]) => `${a} ${b}`.localeCompare(`${c} ${d}`));
console.log(columns([["fault", "over", "target", "expected", "seen", ""], ...table]));
console.log(`\n${rows.length} runs, ${problems.length} deviations`);
for (const problem of problems) console.log(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
