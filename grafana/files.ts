import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Options } from "@grafana/grafana-foundation-sdk/table";
import { stringify } from "yaml";
import { grafanaRules, prometheusRules } from "./alerts.ts";
import { comparisonDashboard } from "./comparison.ts";
import { enduranceDashboard } from "./endurance.ts";
import { releasesDashboard } from "./releases.ts";
import { runDashboard } from "./run.ts";

export const DASHBOARDS = [runDashboard, comparisonDashboard, releasesDashboard, enduranceDashboard].map(
  (builder) => finished(builder.build()),
);

/** Panels have numbers, so that one can be linked to. Links and marks are to be seen above them. */
function finished(dashboard: Dashboard): Dashboard {
  const { panels = [], links = [], annotations } = dashboard;
  return {
    ...dashboard,
    panels: panels.map((panel, i) => ({ ...withoutFooter(panel), id: i + 1 })),
    links: links.map(inSight),
    annotations: { list: (annotations?.list ?? []).map(inSight) },
  };
}

/** Without the footer that the builder gives to tables: Grafana keeps it elsewhere since 12.2. */
function withoutFooter(panel: Panel | RowPanel): Panel | RowPanel {
  if (panel.type !== "table") return panel;
  const { footer: _, ...options } = (panel as Panel).options as Options;
  return { ...panel, options };
}

/** Without the placement that the builder gives to all: a menu that has to be opened. */
function inSight<Placed extends { placement?: unknown }>({ placement: _, ...rest }: Placed) {
  return rest;
}

const HINT = "Made by `npm run dashboards` from thresholds/ and grafana/*.ts: change those.";

const asJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
const asYaml = (value: unknown): string =>
  `# ${HINT}\n${stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })}`;

/** All files that are made from code: the path within grafana/, and the content. */
export const generatedFiles: Readonly<Record<string, string>> = {
  ...Object.fromEntries(DASHBOARDS.map((one) => [`dashboards/${one.uid}.json`, asJson(one)])),
  "provisioning/alerting/rules.yaml": asYaml(grafanaRules()),
  "prometheus/rules.yml": asYaml(prometheusRules()),
};
