import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { parse } from "yaml";
import { COUNTERS, DISTRIBUTIONS } from "../run/series.ts";
import { TARGETS, target } from "../thresholds/targets.ts";
import { CONTACT_POINT, DATASOURCE_UID } from "./alerts.ts";
import { DASHBOARDS, generatedFiles } from "./files.ts";
import { limitOf, unitOf } from "./panels.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const read = (path: string): string => readFileSync(`${HERE}${path}`, "utf8");

test("the committed files are what the code makes: npm run dashboards", () => {
  for (const [path, content] of Object.entries(generatedFiles)) assert.equal(read(path), content, path);
  const dashboards = Object.keys(generatedFiles).filter((path) => path.startsWith("dashboards/"));
  assert.deepEqual(
    readdirSync(`${HERE}dashboards`),
    dashboards.map((path) => path.replace("dashboards/", "")).sort(),
  );
});

/** The fields that these tests look at; all panels but rows. */
const panelsOf = (dashboard: (typeof DASHBOARDS)[number]): Panel[] =>
  (dashboard.panels ?? []).filter((panel): panel is Panel => panel.type !== "row");

for (const dashboard of DASHBOARDS) {
  describe(`dashboard ${dashboard.title}`, () => {
    const panels = panelsOf(dashboard);

    test("every panel says what good looks like, has a unit, and asks the chosen datasource", () => {
      for (const { title, description, fieldConfig, options, datasource } of panels) {
        assert.match(description ?? "", /\bGood: /, title);
        const axis = (options as { yAxis?: { unit?: string } } | undefined)?.yAxis;
        const hasVerdicts = fieldConfig?.defaults?.mappings !== undefined;
        assert.ok(fieldConfig?.defaults?.unit ?? axis?.unit ?? hasVerdicts, `${title} has no unit`);
        assert.deepEqual(datasource, { type: "prometheus", uid: "$datasource" }, title);
      }
    });

    test("no panel is laid over another, and each has a number of its own", () => {
      const cells = new Set<string>();
      for (const { title, gridPos } of dashboard.panels ?? []) {
        const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {};
        assert.ok(x + w <= 24, `${title} is out of the grid`);
        for (let cx = x; cx < x + w; cx++) {
          for (let cy = y; cy < y + h; cy++) {
            assert.ok(!cells.has(`${cx} ${cy}`), `${title} lies over another panel`);
            cells.add(`${cx} ${cy}`);
          }
        }
      }
      const ids = (dashboard.panels ?? []).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
    });

    test("every variable that a query uses is there, and none is idle", () => {
      const names = (dashboard.templating?.list ?? []).map(({ name }) => name);
      const text = JSON.stringify(dashboard);
      const used = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name ?? "");
      assert.deepEqual([...new Set(used)].sort(), [...names].sort());
    });

    test("it links to the others, and names what Grafana must know it by", () => {
      assert.match(dashboard.uid ?? "", /^plan-load-[a-z]+$/);
      assert.ok(dashboard.links?.some(({ type }) => type === "dashboards"));
    });

    test("links and marks stand above the panels, not in a menu that has to be opened", () => {
      for (const one of [...(dashboard.links ?? []), ...(dashboard.annotations?.list ?? [])]) {
        assert.ok(!("placement" in one));
      }
    });

    test("tables colour their cells as this version of the schema says", () => {
      for (const { title, fieldConfig } of panels.filter(({ type }) => type === "table")) {
        assert.deepEqual(fieldConfig?.defaults?.custom, { align: "auto", inspect: false, minWidth: 60 });
        const cells = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
          properties.filter(({ id }) => id === "custom.cellOptions").map(({ value }) => value),
        );
        assert.ok(cells.length > 0 || title === "Streams that ended: outcome × transport", title);
        for (const cell of cells) {
          assert.match((cell as { type: string }).type, /^(color-background|gauge)$/, title);
        }
      }
    });
  });
}

test("delivery is drawn as it is judged: what came twice or out of order is not delivered", () => {
  const drawn = DASHBOARDS.flatMap(panelsOf).filter(
    ({ title, type }) => type === "timeseries" && title?.startsWith(target("message-delivery").title),
  );
  const asked = drawn.map((panel) => JSON.stringify(panel)).filter((text) => text.includes("messages_due"));
  assert.equal(asked.length, 2);
  for (const text of asked)
    assert.match(text, /delivered_total.+ - .+duplicated_total.+ - .+reordered_total/);
});

test("streams that ended are those of the outcomes: the counter streams_ended has checks in it, and passes those opened", () => {
  const asked = DASHBOARDS.flatMap(panelsOf).map((panel) => JSON.stringify(panel.targets));
  const opened = asked.filter((text) => text.includes("streams_opened"));
  assert.equal(opened.length, 2);
  for (const text of opened) {
    assert.match(text, /k6_stream_outcomes_total/);
    assert.doesNotMatch(text, /k6_streams_ended_total/);
  }
});

test("the bar of a share that should be high is full at 100 %, not at the best run that is shown", () => {
  const shares = TARGETS.filter((row) => unitOf(row) === "percentunit" && limitOf(row).isFloor);
  for (const row of shares) {
    const panels = DASHBOARDS.flatMap(panelsOf).filter(
      ({ title, type }) =>
        (type === "bargauge" && title?.startsWith(row.title)) ||
        (type === "table" && title?.startsWith(`${row.id}: `)),
    );
    assert.equal(panels.length, 2, row.id);
    for (const { title, fieldConfig } of panels) {
      const own = fieldConfig?.overrides.flatMap(({ properties }) => properties) ?? [];
      assert.equal(fieldConfig?.defaults.max ?? own.find(({ id }) => id === "max")?.value, 1, title);
    }
  }
});

test("what is drawn over time is per second: the windows of neighbouring steps overlap, and increase() counts once in each", () => {
  const asked = DASHBOARDS.flatMap(panelsOf).map((panel) => JSON.stringify(panel.targets));
  assert.ok(asked.some((text) => text.includes("rate(k6_message_latency_seconds_bucket_total")));
  for (const text of asked) assert.doesNotMatch(text, /increase\(.*\$__rate_interval/);
});

test("no panel asks for a counter of k6's own: it is born non-zero, and what happens once is never seen", () => {
  const own = new Set(
    [...Object.keys(COUNTERS), ...Object.keys(DISTRIBUTIONS).map((name) => `${name}_seconds_bucket`)].map(
      (name) => `k6_${name}_total`,
    ),
  );
  own.add("k6_stream_outcomes_total").add("k6_server_cpu_seconds_total");
  const asked = JSON.stringify(DASHBOARDS).match(/\bk6_\w+_total\b/g) ?? [];
  assert.deepEqual(
    [...new Set(asked)].filter((name) => !own.has(name)),
    [],
  );
});

test("the limit itself is on the good side, unless the target excludes it", () => {
  const isGood = (
    id: "message-delivery" | "message-latency" | "reconnection-loss" | "throughput",
    value: number,
  ) => {
    const { value: step, isFloor } = limitOf(target(id));
    return value >= step === isFloor;
  };
  assert.ok(isGood("message-delivery", 1) && !isGood("message-delivery", 0.999));
  assert.ok(isGood("message-latency", 99.9) && !isGood("message-latency", 100));
  assert.ok(isGood("reconnection-loss", 0) && !isGood("reconnection-loss", 0.001));
  assert.ok(isGood("throughput", 1_001) && !isGood("throughput", 1_000));
});

interface Provisioned {
  datasources: { uid: string; type: string }[];
  contactPoints: { name: string; receivers: { settings: { url: string } }[] }[];
}

test("what is provisioned fits together, and holds no secret", () => {
  const { datasources } = parse(read("provisioning/datasources/prometheus.yaml")) as Provisioned;
  assert.deepEqual(
    datasources.map(({ uid, type }) => [uid, type]),
    [[DATASOURCE_UID, "prometheus"]],
  );
  const { contactPoints } = parse(read("provisioning/alerting/contact-points.yaml")) as Provisioned;
  assert.equal(contactPoints[0]?.name, CONTACT_POINT);
  assert.equal(contactPoints[0]?.receivers[0]?.settings.url, "$ALERT_WEBHOOK_URL");
});

interface Compose {
  services: Record<
    string,
    {
      image: string;
      ports: string[];
      volumes: string[];
      command?: string[];
      environment?: Record<string, string>;
    }
  >;
}

test("compose starts pinned versions on this machine only, with every variable of the provisioning", () => {
  const { services } = parse(read("compose.yaml")) as Compose;
  for (const { image, ports } of Object.values(services)) {
    assert.match(image, /:v?\d+\.\d+[\w.-]*$/);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  }
  const command = services.prometheus?.command?.join(" ") ?? "";
  assert.match(command, /retention\.time=1y .*remote-write-receiver .*native-histograms/);
  const provisioned = ["datasources/prometheus", "dashboards/plan-load", "alerting/contact-points"].map(
    (name) => read(`provisioning/${name}.yaml`),
  );
  const variables = provisioned.join("\n").match(/(?<=: \$)[A-Z_]+/g) ?? [];
  assert.equal(variables.length, 3);
  for (const name of variables) assert.ok(services.grafana?.environment?.[name], name);
  // Where it is not set: Grafana does not start with a contact point without an address.
  assert.match(services.grafana?.environment?.ALERT_WEBHOOK_URL ?? "", /^\$\{ALERT_WEBHOOK_URL:-http.+\}$/);
});

test("compose mounts what is provisioned where stock images look for it", () => {
  const { grafana, prometheus } = (parse(read("compose.yaml")) as Compose).services;
  assert.ok(grafana && prometheus);
  const { PLAN_LOAD_DASHBOARDS: dashboards, GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: home = "" } =
    grafana.environment ?? {};
  assert.ok(grafana.volumes.includes("./provisioning:/etc/grafana/provisioning:ro"));
  assert.ok(grafana.volumes.includes(`./dashboards:${dashboards}:ro`));
  assert.ok(read(home.replace(`${dashboards}/`, "dashboards/")).includes('"plan-load-run"'));
  assert.ok(prometheus.volumes.includes("./prometheus:/etc/prometheus:ro"));
  assert.ok(prometheus.command?.includes("--config.file=/etc/prometheus/prometheus.yml"));
});
