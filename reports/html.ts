import Handlebars from "handlebars/runtime";
import type { RunRecord } from "../record/record.ts";
import type { ComparisonView } from "./comparison.ts";
import comparison from "./templates/comparison.hbs";
import page from "./templates/page.hbs";
import run from "./templates/run.hbs";
import sides from "./templates/sides.hbs";
import targets from "./templates/targets.hbs";
import { runView } from "./view.ts";

const handlebars = Handlebars.create();
handlebars.registerPartial("page", handlebars.template(page));
handlebars.registerPartial("sides", handlebars.template(sides));
handlebars.registerPartial("targets", handlebars.template(targets));

const renderers = { run: handlebars.template(run), comparison: handlebars.template(comparison) };

/** The report of a run: one self-contained HTML file. */
export function renderRun(record: RunRecord): string {
  return renderers.run(runView(record));
}

/** The report of a comparison: one self-contained HTML file. */
export function renderComparison(view: ComparisonView): string {
  return renderers.comparison(view);
}
