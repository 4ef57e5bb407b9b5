import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { readRecord } from "../cli/files.ts";
import { k6Binary } from "../cli/k6.ts";
import { prometheusOutput } from "../cli/prometheus.ts";
import { type RunningServer, startServer } from "../cli/servers.ts";
import { alerts } from "../grafana/alerts.ts";
import { DASHBOARDS } from "../grafana/files.ts";
import { CHOSEN_RUN, runQuantile, total } from "../grafana/promql.ts";
import { quantile } from "../record/histogram.ts";
import type { RunRecord } from "../record/record.ts";
import { BOUNDS_MS, COUNTERS, counterSeries, verdictNumber, WHOLE_RUN_LABEL } from "../run/series.ts";
import { TARGETS } from "../thresholds/targets.ts";
import { type Finished, onlyRecord, ROOT, run, segment, server, temporaryDirectory } from "./harness.ts";
import { missing, Prometheus, type Series } from "./prometheus.ts";

/** Series of a run: so many a test, and so many of the run as a whole. docs/dashboards.md says so. */
const SERIES_PER_TEST = 500;
const SERIES_PER_RUN = 300;

const STEP = 2;
/** The tests of the flawed run, of the one that two instances share, and of the good one. */
const FLAWED_TESTS = "basic-connection,multiple-clients,reconnection";
const SHARED_TESTS = "multiple-clients,plan-scaling";
const GOOD_TESTS = `${FLAWED_TESTS},fallback-report,throughput,plan-scaling`;

/** A query of a dashboard, and where it stands. */
interface Query {
  dashboard: string;
  panel: string;
  expr: string;
  isInstant: boolean;
}

/** What a dashboard shows: seconds since the epoch. */
interface Range {
  from: number;
  to: number;
}

/** A row of a table, its values by the columns' titles, or by the queries' names where those have none. */
interface Row {
  labels: Record<string, string>;
  values: Record<string, number>;
}

const skip = missing("prometheus");

describe("a run sent to Prometheus", { skip, concurrency: false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const servers: RunningServer[] = [];
  let prometheus: Prometheus;
  let start: number;
  let end: number;
  /** Healthy over WebSocket, by npm start; as the real server fails over SSE, by plain k6. */
  let good: RunRecord;
  let flawed: RunRecord;
  /** The endurance test, in short, against a server whose memory leaks; by plain k6. */
  let leaking: RunRecord;

  async function serverWith(...args: string[]): Promise<string> {
    const running = await startServer(args);
    servers.push(running);
    return running.url;
  }

  async function byNpmStart(): Promise<Finished> {
    const url = await serverWith();
    const args = [
      "--ws",
      url,
      "--only",
      GOOD_TESTS,
      "--release",
      "2025.11",
      "--out",
      join(directory, "good"),
    ];
    const output = ["--prometheus", prometheus.url];
    const program = join(ROOT, "dist/start.mjs");
    return run(process.execPath, [program, ...args, ...output], { TRIGGER: "schedule" }).finished;
  }

  async function byPlainK6(
    script: string,
    fault: readonly string[],
    settings: Record<string, string>,
  ): Promise<Finished> {
    return byPlainK6At(await serverWith(...fault), script, settings);
  }

  function byPlainK6At(
    url: string,
    script: string,
    settings: Record<string, string>,
    options: readonly string[] = [],
  ): Promise<Finished> {
    const all = { BASE_URL: url, SERVER_METRICS_URL: `${url}/metrics`, ...settings };
    const { args, env } = prometheusOutput(prometheus.url, {});
    const variables = Object.entries(all).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const file = `dist/${script}.js`;
    return run(k6Binary(), ["run", "--quiet", ...args, ...options, ...variables, file], env).finished;
  }

  before(async () => {
    prometheus = await Prometheus.start();
    start = Date.now() / 1_000;
    const finished = await Promise.all([
      byNpmStart(),
      byPlainK6("suite", ["--behaviour", "sse-2025-09"], {
        ONLY: FLAWED_TESTS,
        TRANSPORT: "sse",
        RELEASE: "2025.09",
        TRIGGER: "schedule",
        OUT_DIR: join(directory, "flawed"),
      }),
      byPlainK6("endurance", ["--fault", "memory-leak=4096"], {
        TRANSPORT: "ws",
        RELEASE: "2025.11",
        OUT_DIR: join(directory, "leaking"),
      }),
    ]);
    for (const { code, stderr } of finished) {
      assert.ok(code === 0 || code === 99, stderr);
      assert.doesNotMatch(stderr, /Failed to send/);
    }
    end = Math.ceil(Date.now() / 1_000) + 1;
    good = onlyRecord(join(directory, "good"));
    flawed = onlyRecord(join(directory, "flawed"));
    leaking = onlyRecord(join(directory, "leaking"));
  });

  after(async () => {
    await Promise.all(servers.map((one) => one.stop()));
    await prometheus?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const shown = (): Range => ({ from: start, to: end });

  /** A dashboard's query as Grafana sends it, its variables filled in with a run. */
  function filledIn(expr: string, runId: string, { from, to } = shown()): string {
    const values: Record<string, string> = {
      testid: runId,
      ws: runId,
      sse: flawed.runId,
      release: ".*",
      transport: ".*",
      profile: ".*",
      __range: `${Math.ceil(to - from)}s`,
      __rate_interval: "8s",
    };
    return expr.replace(/\$(\w+)/g, (_, name: string) => values[name] ?? assert.fail(`$${name} in ${expr}`));
  }

  async function ask({ expr, isInstant }: Query, runId: string, range = shown()): Promise<Series[]> {
    const query = filledIn(expr, runId, range);
    return isInstant
      ? prometheus.instant(query, range.to)
      : prometheus.range(query, range.from, range.to, STEP);
  }

  const hasData = (series: Series[]): boolean =>
    series.some(({ samples }) => samples.some(([, value]) => Number.isFinite(value)));

  async function emptyAmong(queries: readonly Query[], runOf: (query: Query) => RunRecord): Promise<Query[]> {
    const empty: Query[] = [];
    for (const query of queries) if (!hasData(await ask(query, runOf(query).runId))) empty.push(query);
    return empty;
  }

  test("every query of every panel has data; three panels at most need the endurance test", async () => {
    const all = dashboardQueries();
    const isEndurance = ({ dashboard }: Query): boolean => dashboard === "plan-load-endurance";
    const empty = await emptyAmong(all, (query) => (isEndurance(query) ? leaking : good));
    const panels = new Set(empty.map(({ panel }) => panel));
    for (const { panel } of all.filter((query) => !empty.includes(query))) panels.delete(panel);
    assert.ok(panels.size <= 3, [...panels].join("\n"));
    assert.deepEqual(await emptyAmong(empty, () => leaking), []);
  });

  /** The rows of a table or history as Grafana merges the answers: one for each set of labels. */
  async function rowsOf(dashboard: string, title: RegExp): Promise<Row[]> {
    const panel = panelsOf(dashboard).find((one) => title.test(one.title ?? "")) ?? assert.fail();
    const organize = panel.transformations?.find(({ id }) => id === "organize");
    const { renameByName: titles = {} } = (organize?.options ?? {}) as Partial<
      Record<"renameByName", Row["labels"]>
    >;
    const rows = new Map<string, Row>();
    for (const target of panel.targets ?? []) {
      const { refId, expr } = target as unknown as { refId: string; expr: string };
      for (const { labels, samples } of await prometheus.instant(filledIn(expr, good.runId), end)) {
        const key = JSON.stringify(labels);
        const row = rows.get(key) ?? { labels, values: {} };
        row.values[titles[`Value #${refId}`] ?? refId] = samples[0]?.[1] ?? Number.NaN;
        rows.set(key, row);
      }
    }
    return [...rows.values()];
  }

  const runs = (): RunRecord[] => [good, flawed, leaking];
  const recordOf = ({ labels }: Row): RunRecord =>
    runs().find(({ runId }) => runId === labels.testid) ?? assert.fail(JSON.stringify(labels));
  const numbered = ({ targets }: RunRecord): Record<string, number> =>
    Object.fromEntries(targets.map(({ id, verdict }) => [id, verdictNumber(verdict)]));

  test("Releases shows every run with its verdicts, however close together they lie", async () => {
    for (const title of [/^The last 10 runs over \$transport/, /one by one$/]) {
      const rows = await rowsOf("plan-load-releases", title);
      assert.deepEqual(
        rows.map((row) => recordOf(row).runId).sort(),
        runs()
          .map(({ runId }) => runId)
          .sort(),
      );
      for (const row of rows) {
        const { Started: _, Ended: ended = 0, ...verdicts } = row.values;
        assert.deepEqual(verdicts, numbered(recordOf(row)));
        assert.ok(Math.abs(ended - Date.parse(recordOf(row).endedAt ?? "")) < 60_000);
      }
    }
    for (const row of TARGETS) {
      const judged = runs().filter(({ targets }) => targets.some(({ id }) => id === row.id));
      const points = await rowsOf("plan-load-releases", new RegExp(`^${escaped(row.title)} \\(`));
      assert.equal(points.length, judged.length, row.id);
      for (const { values } of points) assert.ok((values.A ?? 0) > start * 1_000, row.id);
    }
  });

  test("the newest run of a release is the newest that was judged by the target", async () => {
    const newest = (id: string, transport: string) =>
      runs()
        .filter((record) => record.transport === transport && record.targets.some((one) => one.id === id))
        .sort((a, b) => (a.endedAt ?? "").localeCompare(b.endedAt ?? ""))
        .at(-1);
    const ids = TARGETS.map(({ id }) => id);
    const ofReleases = await rowsOf("plan-load-releases", /^Newest run of each release$/);
    assert.deepEqual(ofReleases.map(({ labels }) => `${labels.release} ${labels.transport}`).sort(), [
      "2025.09 sse",
      "2025.11 ws",
    ]);
    for (const { labels, values } of ofReleases) {
      const { Ended: _, ...verdicts } = values;
      const expected = ids.flatMap((id) => {
        const record = newest(id, labels.transport ?? "");
        return record === undefined ? [] : [[id, numbered(record)[id]]];
      });
      assert.deepEqual(verdicts, Object.fromEntries(expected));
    }
    for (const id of ids) {
      const rows = await rowsOf("plan-load-releases", new RegExp(`^${id}: newest run`));
      const expected = ["sse", "ws"].flatMap((transport) => newest(id, transport) ?? []);
      assert.deepEqual(
        rows.map((row) => recordOf(row).runId).sort(),
        expected.map(({ runId }) => runId).sort(),
      );
      for (const row of rows) {
        const { value = null } = recordOf(row).targets.find((one) => one.id === id) ?? {};
        assert.equal(row.values.Measured ?? null, value, id);
      }
    }
  });

  test("a link from Releases leads to the run within its own time, where Run shows all of it", async () => {
    const rows = await rowsOf("plan-load-releases", /one by one$/);
    const table = panelsOf("plan-load-releases").find(({ title }) => title?.endsWith("one by one"));
    const [, url = ""] = /"url":"(\/d\/plan-load-run[^"]*)"/.exec(JSON.stringify(table)) ?? [];
    for (const row of rows) {
      const record = recordOf(row);
      const cells: Record<string, string | number> = { ...row.values, Run: record.runId };
      const link = new URL(
        url.replace(/\$\{__data\.fields\.(\w+)(?:\.numeric)?\}/g, (_, name: string) => String(cells[name])),
        "http://grafana",
      );
      const [runId = "", from, to] = ["var-testid", "from", "to"].map(
        (key) => link.searchParams.get(key) ?? "",
      );
      const range = { from: Number(from) / 1_000, to: Number(to) / 1_000 };
      assert.match(`${from} ${to}`, /^\d{13} \d{13}$/);
      assert.ok(range.to - range.from < 900, link.href);
      const ofRun = dashboardQueries().filter(({ dashboard }) => dashboard === "plan-load-run");
      for (const query of ofRun) {
        const [whole, linked] = [await ask(query, runId), await ask(query, runId, range)];
        assert.equal(hasData(linked), hasData(whole), `${query.panel}, ${query.expr} from ${link.href}`);
      }
    }
  });

  test("the table target × transport has the plan's order, and both runs", async () => {
    const ids = TARGETS.map(({ id }) => id);
    const rows = await rowsOf("plan-load-comparison", /^Verdicts: target × transport/);
    const ofFirst = rows.filter(({ values }) => "SSE" in values).map(({ labels }) => labels.target);
    assert.deepEqual(
      ofFirst,
      ids.filter((id) => flawed.targets.some((one) => one.id === id)),
    );
    for (const [name, record] of Object.entries({ SSE: flawed, WebSocket: good })) {
      const seen = rows.flatMap(({ labels, values }) =>
        name in values ? [[labels.target, values[name]]] : [],
      );
      assert.deepEqual(Object.fromEntries(seen), numbered(record));
    }
  });

  test("a run can be chosen in every time range that meets it", async () => {
    const middle = (Date.parse(leaking.startedAt) + Date.parse(leaking.endedAt ?? "")) / 2_000;
    for (const [selector] of variableQueries().filter(([text]) => !text.includes('"sse"'))) {
      const present = `last_over_time(${filledIn(selector, leaking.runId)}[5s])`;
      const series = await prometheus.instant(present, middle);
      assert.ok(
        series.some(({ labels }) => labels.testid === leaking.runId),
        selector,
      );
    }
  });

  test("every variable and every mark has data", async () => {
    for (const { expr } of annotations()) {
      assert.ok(hasData(await prometheus.range(filledIn(expr, good.runId), start, end, 1)), expr);
    }
    for (const [selector, label] of variableQueries()) {
      const values = await prometheus.get<string[]>(`label/${label}/values`, {
        "match[]": filledIn(selector, good.runId),
      });
      assert.ok(values.length > 0, selector);
    }
  });

  test("every series that is asked for is sent, and every run has its labels", async () => {
    const names = new Set(await prometheus.get<string[]>("label/__name__/values"));
    const asked = [...dashboardQueries(), ...annotations(), ...alerts()].flatMap(
      ({ expr }) => expr.match(/\bk6_\w+/g) ?? [],
    );
    assert.deepEqual(
      [...new Set(asked)].filter((name) => !names.has(name)),
      [],
    );
    const labels = await prometheus.get<string[]>("labels");
    assert.ok(!labels.includes("url"));
    for (const label of ["testid", "release", "transport", "profile", "trigger", "test"]) {
      const without = await prometheus.get<object[]>("series", {
        "match[]": `{__name__=~"k6_.+",${label}=""}`,
      });
      assert.deepEqual(without, [], label);
    }
    const requests = await prometheus.get<string[]>("label/name/values");
    assert.deepEqual(
      requests.filter((name) => name.includes("://") || name.includes("PlanExe_")),
      [],
    );
  });

  test("the series of a run are few", async () => {
    for (const { runId, tests } of [good, flawed, leaking]) {
      const series = await prometheus.get<{ test?: string }[]>("series", {
        "match[]": `{testid="${runId}"}`,
      });
      const names = tests.map(({ name }) => name);
      for (const name of names) {
        const { length } = series.filter(({ test }) => test === name);
        assert.ok(length <= SERIES_PER_TEST, `${length} series of ${name} in ${runId}`);
      }
      const { length } = series.filter(({ test = "" }) => !names.includes(test));
      assert.ok(length <= SERIES_PER_RUN, `${length} series of ${runId} itself`);
    }
  });

  test("every counter begins with zero", async () => {
    for (const counter of Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]) {
      const all = await prometheus.instant(`${counterSeries(counter)}[1h]`, end);
      for (const { labels, samples } of all) assert.equal(samples[0]?.[1], 0, JSON.stringify(labels));
    }
  });

  const only = async (expr: string, runId: string, range = shown()): Promise<number> => {
    const [series, ...others] = await prometheus.instant(filledIn(expr, runId, range), range.to);
    assert.equal(others.length, 0, expr);
    return series?.samples[0]?.[1] ?? assert.fail(`${expr}: no data`);
  };
  const counted = ({ tests }: RunRecord, name: string): number =>
    tests.reduce((sum, { tally }) => sum + (tally.counts[name] ?? 0), 0);
  const counters = Object.entries(COUNTERS) as [keyof typeof COUNTERS, string][];

  async function sameCounts(record: RunRecord, range = shown()): Promise<void> {
    for (const [counter, name] of counters) {
      const value = await only(total(counter), record.runId, range);
      assert.equal(value, counted(record, name), `${counter} of ${record.runId}`);
    }
  }

  async function sameOutcomes(record: RunRecord, range = shown()): Promise<void> {
    const query = `sum by (test, outcome) (last_over_time(k6_stream_outcomes_total{${CHOSEN_RUN}}[$__range])) > 0`;
    const seen = await prometheus.instant(filledIn(query, record.runId, range), range.to);
    const expected = record.tests.flatMap(({ name, outcomes }) =>
      Object.entries(outcomes).map(([outcome, n]) => `${name} ${outcome} ${n}`),
    );
    assert.deepEqual(
      seen.map(({ labels, samples }) => `${labels.test} ${labels.outcome} ${samples[0]?.[1]}`).sort(),
      expected.sort(),
    );
  }

  async function sameP95(record: RunRecord, range = shown()): Promise<void> {
    const bucketOf = (ms: number): number => BOUNDS_MS.findIndex((bound) => ms <= bound);
    const seen = (await only(runQuantile(0.95, "message_latency"), record.runId, range)) * 1_000;
    const known = quantile(record.histograms.latency, 0.95) ?? assert.fail();
    assert.equal(bucketOf(seen), bucketOf(known), `${seen} ms, and ${known} ms in the record`);
  }

  test("what was counted agrees with run.json to the unit", async () => {
    for (const record of runs()) await sameCounts(record);
    const failed = await only(`${total("streams_ended")} - ${total("streams_acceptable")}`, flawed.runId);
    assert.ok(failed > 0);
  });

  test("outcomes agree with run.json, test by test", () => sameOutcomes(flawed));

  test("p95 agrees with run.json to a bucket", async () => {
    for (const record of [good, flawed]) await sameP95(record);
  });

  test("of instances that share a run, panels show what the merged record says", async () => {
    const url = await serverWith("--fault", "latency=60");
    const [runId, out, of] = ["shared-run", join(directory, "shared"), 2];
    const from = Date.now() / 1_000;
    const settings = { ONLY: SHARED_TESTS, TRANSPORT: "ws", RELEASE: "shared", RUN_ID: runId, OUT_DIR: out };
    const instances = Array.from({ length: of }, (_, i) =>
      byPlainK6At(url, "suite", settings, ["--address", "", ...segment(i + 1, of)]),
    );
    for (const { code, stderr } of await Promise.all(instances)) assert.equal(code, 0, stderr);
    const range = { from, to: Math.ceil(Date.now() / 1_000) + 1 };
    const merged = await run(process.execPath, ["dist/merge.mjs", "--out", out, join(out, runId)]).finished;
    const record = readRecord(join(out, runId)) ?? assert.fail(merged.stderr);
    assert.equal(record.state, "complete");

    await sameCounts(record, range);
    await sameOutcomes(record, range);
    await sameP95(record, range);
    const valuesOf = async (title: string): Promise<Series[]> => {
      const [query] = dashboardQueries().filter(
        ({ panel }) => panel.startsWith("plan-load-run ") && panel.endsWith(title),
      );
      return ask(query ?? assert.fail(title), runId, range);
    };
    const open = (await valuesOf(": Streams open")).flatMap(({ samples }) =>
      samples.map(([, value]) => value),
    );
    assert.equal(open.at(-1), 0);
    assert.ok(Math.min(...open) >= 0);
    for (const title of ["Server memory", "Answer time of /health", "k6's own memory", "Messages received"]) {
      const labels = (await valuesOf(`: ${title}`)).map(({ labels }) => JSON.stringify(labels));
      assert.equal(
        labels.length,
        title === "Messages received" ? record.tests.length : 1,
        `${title}: ${labels}`,
      );
    }
    const memory = (await valuesOf(": Server memory"))[0]?.samples.map(([, value]) => value) ?? [];
    const known = record.samples.kept.map(({ residentBytes }) => residentBytes ?? 0);
    assert.ok(Math.max(...memory) <= Math.max(...known), "the server is seen once, not once an instance");
    const steps = await valuesOf(", by plans at once");
    assert.deepEqual(
      steps.map(({ labels, samples }) => [labels.plans, Math.round((samples[0]?.[1] ?? 0) * 1_000)]).sort(),
      record.steps.map(({ plans, completionMs }) => [String(plans), Math.round(completionMs)]).sort(),
    );
  });

  test("verdicts and values agree with run.json, of the run and of each test", async () => {
    for (const record of [good, flawed]) {
      const all = [{ name: WHOLE_RUN_LABEL, targets: record.targets }, ...record.tests];
      for (const { name, targets } of all) {
        for (const { id, verdict, value } of targets) {
          const where = `${CHOSEN_RUN},test="${name}",target="${id}"`;
          const last = (series: string) =>
            only(`last_over_time(${series}{${where}}[$__range])`, record.runId);
          assert.equal(await last("k6_target_verdict"), verdictNumber(verdict), `${name} ${id}`);
          if (value !== null) assert.equal(await last("k6_target_value"), value, `${name} ${id}`);
        }
      }
    }
  });

  test("alerts tell of the scheduled run that missed, and of no other", async () => {
    const { groups } = await prometheus.get<{ groups: { rules: { name: string; health: string }[] }[] }>(
      "rules",
    );
    for (const { name, health } of groups.flatMap(({ rules }) => rules)) assert.equal(health, "ok", name);
    const fired = new Map<string, string[]>();
    for (const { name, expr } of alerts()) {
      const series = await prometheus.instant(expr, end);
      fired.set(
        name,
        series.map(({ labels }) => labels.testid ?? ""),
      );
    }
    for (const { runId, targets } of [good, flawed]) {
      const missed = targets.filter(({ verdict }) => verdict === "missed" || verdict === "no data");
      const told = [...fired].filter(([name, runs]) => name.endsWith("Missed") && runs.includes(runId));
      assert.equal(told.length, missed.length, `${runId}: ${told.map(([name]) => name)}`);
    }
    assert.deepEqual(fired.get("MessageDeliveryMissed"), [flawed.runId]);
    assert.deepEqual(fired.get("NoScheduledRun"), []);
  });
});

const escaped = (text: string): string => text.replace(/[^\w ]/g, "\\$&");

/** The panels of a dashboard; all but rows. */
const panelsOf = (dashboard: string): Panel[] =>
  (DASHBOARDS.find(({ uid }) => uid === dashboard)?.panels ?? []).filter(
    (panel): panel is Panel => panel.type !== "row",
  );

/** All that the panels ask. */
function dashboardQueries(): Query[] {
  return DASHBOARDS.flatMap(({ uid = "" }) =>
    panelsOf(uid).flatMap((panel) =>
      (panel.targets ?? []).map((target) => {
        const { expr, instant } = target as unknown as { expr: string; instant: boolean };
        return { dashboard: uid, panel: `${uid} ${panel.id}: ${panel.title}`, expr, isInstant: instant };
      }),
    ),
  );
}

const annotations = (): { expr: string }[] =>
  DASHBOARDS.flatMap(({ annotations }) => annotations?.list ?? []).flatMap(({ expr }) =>
    expr === undefined ? [] : [{ expr }],
  );

/** The variables' queries: label_values(selector, label). */
const variableQueries = (): [selector: string, label: string][] =>
  DASHBOARDS.flatMap(({ templating }) => templating?.list ?? []).flatMap(({ query }) => {
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(String(query)) ?? [];
    return selector === undefined || label === undefined ? [] : [[selector, label]];
  });

test("a run is sent by OpenTelemetry as well, under the documented names", async (t) => {
  const { url } = await server(t);
  const bodies: Buffer[] = [];
  const collector = createServer(async (request, response) => {
    for await (const chunk of request) bodies.push(chunk as Buffer);
    response.end();
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  t.after(() => collector.close());
  const env = {
    K6_OTEL_EXPORTER_PROTOCOL: "http/protobuf",
    K6_OTEL_HTTP_EXPORTER_INSECURE: "true",
    K6_OTEL_HTTP_EXPORTER_ENDPOINT: `127.0.0.1:${(collector.address() as AddressInfo).port}`,
    K6_OTEL_METRIC_PREFIX: "k6_",
  };
  const settings = ["-e", `BASE_URL=${url}`, "-e", `OUT_DIR=${temporaryDirectory(t)}`];
  const args = ["run", "--quiet", "-o", "opentelemetry", ...settings, "dist/multiple-clients.js"];
  const { code, stderr } = await run(k6Binary(), args, env).finished;
  assert.equal(code, 0, stderr);
  const sent = Buffer.concat(bodies).toString("latin1");
  for (const name of [
    "k6_messages_received",
    "k6_message_latency_seconds_bucket",
    "k6_target_verdict",
    "testid",
  ]) {
    assert.ok(sent.includes(name), name);
  }
});
