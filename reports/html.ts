import Handlebars from "handlebars/runtime";
import type { RunRecord } from "../record/record.ts";
import { runView } from "./run-view.ts";
import chart from "./templates/chart.hbs";
import charts from "./templates/charts.hbs";
import durations from "./templates/durations.hbs";
import page from "./templates/page.hbs";
import run from "./templates/run.hbs";
import table from "./templates/table.hbs";
import targets from "./templates/targets.hbs";

/** Handlebars with the parts that all pages share. It escapes what is put in; nothing here goes around that. */
export const handlebars = Handlebars.create();
for (const [name, part] of Object.entries({ chart, charts, durations, page, table, targets })) {
  handlebars.registerPartial(name, handlebars.template(part));
}
/** Its parts in one, for captions. The last argument is Handlebars' own. */
handlebars.registerHelper("join", (...parts: unknown[]) => parts.slice(0, -1).join(""));

const renderer = handlebars.template(run);

/** The report of a run: one self-contained HTML file. */
export function renderRun(record: RunRecord): string {
  return renderer(runView(record));
}
