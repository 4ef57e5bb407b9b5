import type { Judged, RunRecord } from "../record/record.ts";
import { target } from "../thresholds/targets.ts";
import type { Comparison } from "./comparison.ts";
import { plain } from "./format.ts";
import { handlebars } from "./html.ts";
import junit from "./templates/junit.hbs";
import { TRANSPORT_NAMES, targetRow } from "./view.ts";

/** A test case of JUnit: what is not empty says how it ended; nothing is a pass. */
interface Case {
  name: string;
  failure?: string;
  error?: string;
  skipped?: string;
  output?: string;
}

interface Totals {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
}

type Suite = { name: string; cases: Case[] } & Totals;

const renderer = handlebars.template(junit);

/** The verdicts of a run as JUnit: a suite a test, a case a target. */
export function runJUnit(record: RunRecord): string {
  const { release, transport, profile, test, state } = record;
  const suites = record.tests.map(({ name, targets }) => suiteOf(name, targets.map(caseOfTarget)));
  const end: Case = { name: "comes to its end" };
  if (state !== "complete") end.error = `the run is ${state}`;
  return render(`${test}, ${TRANSPORT_NAMES[transport]}, release ${release}, profile ${profile}`, [
    ...suites,
    suiteOf("run", [end]),
  ]);
}

function caseOfTarget(judged: Judged): Case {
  const { title, required, measured, verdict, reason } = targetRow(judged);
  const text = plain(`${verdict}: ${measured}, target ${required}; ${reason}`);
  const how = ({ missed: "failure", "no data": "error", "not measured": "skipped" } as const)[
    verdict as "missed" | "no data" | "not measured"
  ];
  return { name: title, [how ?? "output"]: text };
}

/** A comparison as JUnit: a suite a side that is held against the first, a case a target or a lost call. */
export function comparisonJUnit({ candidates }: Comparison): string {
  const suites = candidates.map(({ name, against, changes, calls }) =>
    suiteOf(`${name} against ${against}`, [
      ...changes.map(({ id, word, reason }): Case => {
        const text = plain(`${word}: ${reason}`);
        const how = word === "worse" ? "failure" : word === "not enough" ? "skipped" : "output";
        return { name: target(id).title, [how]: text };
      }),
      ...calls.lost.map((call): Case => ({ name: plain(call), failure: "this call is lost" })),
    ]),
  );
  return render("comparison", suites);
}

function render(name: string, suites: readonly Suite[]): string {
  const sum = (read: keyof Totals) => suites.reduce((total, suite) => total + suite[read], 0);
  return renderer({
    name: plain(name),
    suites,
    tests: sum("tests"),
    failures: sum("failures"),
    errors: sum("errors"),
    skipped: sum("skipped"),
  });
}

function suiteOf(name: string, cases: Case[]): Suite {
  const count = (how: "failure" | "error" | "skipped") =>
    cases.filter((one) => one[how] !== undefined).length;
  return {
    name: plain(name),
    cases,
    tests: cases.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  };
}
