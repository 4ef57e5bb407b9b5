import type { HistoryView, IndexView } from "./history.ts";
import { handlebars } from "./html.ts";
import history from "./templates/history.hbs";
import index from "./templates/index.hbs";
import runs from "./templates/runs.hbs";
import unreadable from "./templates/unreadable.hbs";

handlebars.registerPartial("runs", handlebars.template(runs));
handlebars.registerPartial("unreadable", handlebars.template(unreadable));

const renderers = { history: handlebars.template(history), index: handlebars.template(index) };

/** Every target over the releases: one self-contained HTML file. */
export const renderHistory = (view: HistoryView): string => renderers.history(view);

/** All reports in a directory of results: one self-contained HTML file. */
export const renderIndex = (view: IndexView): string => renderers.index(view);
