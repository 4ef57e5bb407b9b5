import type { ComparisonView } from "./comparison-view.ts";
import { handlebars } from "./html.ts";
import cell from "./templates/cell.hbs";
import comparison from "./templates/comparison.hbs";
import sides from "./templates/sides.hbs";

handlebars.registerPartial("cell", handlebars.template(cell));
handlebars.registerPartial("sides", handlebars.template(sides));

const renderer = handlebars.template(comparison);

/** The report of a comparison: one self-contained HTML file. */
export function renderComparison(view: ComparisonView): string {
  return renderer(view);
}
