import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { gaugeSeries } from "../run/series.ts";
import { DATASOURCE, type Panel } from "./panels.ts";
import { CHOSEN_RUN, gauge } from "./promql.ts";

export type Variable = ReturnType<typeof choice>;

const TAG = "plan-load";

/** A dashboard without its panels: `uid` names its file and its address. `span` is the time that it shows at first. */
export function frame(
  uid: string,
  title: string,
  description: string,
  span: string,
  variables: readonly Variable[],
): dashboard.DashboardBuilder {
  return new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .time({ from: `now-${span}`, to: "now" })
    .timezone("browser")
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .readonly()
    .variables([
      new dashboard.DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"),
      ...variables,
      reportsVariable,
    ])
    .link(
      new dashboard.DashboardLinkBuilder("Dashboards")
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
}

/** Fills a dashboard with rows of panels, by the rows' titles. */
export function inRows(
  builder: dashboard.DashboardBuilder,
  rows: Record<string, readonly Panel[]>,
): dashboard.DashboardBuilder {
  for (const [title, panels] of Object.entries(rows)) {
    builder.withRow(new dashboard.RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder;
}

/** Where the directory of results is served: the reports of runs are linked to there. */
const reportsVariable = new dashboard.TextBoxVariableBuilder("reports")
  .label("Reports at")
  .description("The address at which results/ is served.")
  .defaultValue("http://localhost:8088");

/** What Grafana replaces by a variable, or by something of a value that is clicked on. */
const filled = (name: string): string => `\${${name}}`;
const reportOf = (run: string): string => `${filled("reports")}/${filled(run)}/report.html`;

/** A link to the report of the run that the variable holds. */
export const reportLink = (title: string, variable = "testid"): dashboard.DashboardLinkBuilder =>
  new dashboard.DashboardLinkBuilder(title)
    .type(dashboard.DashboardLinkType.Link)
    .url(reportOf(variable))
    .targetBlank(true);

/**
 * Links from a row of a table to its run, within the run's own time. `titles` are those of the columns that hold the
 * run's id, and its start and end in milliseconds.
 */
export function linksOfRun(
  titles: Readonly<Record<"id" | "start" | "end", string>>,
): dashboard.DashboardLink[] {
  const id = `__data.fields.${titles.id}`;
  const [from, to] = [titles.start, titles.end].map((title) => filled(`__data.fields.${title}.numeric`));
  const links = [
    new dashboard.DashboardLinkBuilder("This run").url(
      `/d/plan-load-run?var-datasource=${filled("datasource")}&var-testid=${filled(id)}&from=${from}&to=${to}`,
    ),
    new dashboard.DashboardLinkBuilder("Report of this run").url(reportOf(id)).targetBlank(true),
  ];
  return links.map((link) => link.build());
}

/** A series that is sent again and again while a run lasts: it is found in every time range that meets the run. */
const PRESENT = gaugeSeries("test_running");

/** A choice among the values that a label has in the runs that `where` admits. */
function choice(name: string, label: string, of: string, where: string) {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(`label_values(${PRESENT}${where === "" ? "" : `{${where}}`}, ${of})`)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalDesc);
}

/** Several values of a label, or all. */
export const several = (name: string, label: string, where = ""): Variable =>
  choice(name, label, name, where)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" });

/** One run, the newest first: run ids begin with the time. */
export const oneRun = (name: string, label: string, where: string): Variable =>
  choice(name, label, "testid", where);

/** The variables that narrow down which runs are there to choose from. */
export const runFilters = (): Variable[] => [
  several("release", "Release"),
  several("transport", "Transport"),
  several("profile", "Profile"),
];

/** Marks the time in which each test of the suite ran. */
export const testMarks = (where = CHOSEN_RUN): dashboard.AnnotationQueryBuilder =>
  new dashboard.AnnotationQueryBuilder()
    .name("Tests")
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor("blue")
    .expr(`${gauge("test_running", where, "test")} > 0`)
    .step("1s")
    .titleFormat("{{test}}");
