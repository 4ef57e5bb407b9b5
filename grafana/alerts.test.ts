import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VERDICTS, type Verdict } from "../record/record.ts";
import { verdictNumber } from "../run/series.ts";
import { temporaryDirectory } from "../tests/harness.ts";
import { missing } from "../tests/prometheus.ts";
import { fails } from "../thresholds/judge.ts";
import { TARGETS } from "../thresholds/targets.ts";
import { alerts, grafanaRules } from "./alerts.ts";
import { generatedFiles } from "./files.ts";

const skip = missing("promtool");

interface Sent {
  series: string;
  /** In promtool's notation: a sample a minute. */
  values: string;
}
interface Expected {
  alert: string;
  /** The minute at which it is looked at. */
  minute: number;
  /** The test ids that it tells of; a test id of "" for an alert without one. */
  runs: string[];
}

interface Case {
  sent: readonly Sent[];
  expected: readonly Expected[];
}

/** Runs the rules over what was sent, case by case; promtool exits with 1 where an alert is not as expected. */
function promtool(t: TestContext, cases: readonly Case[]): void {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "rules.yml"), generatedFiles["prometheus/rules.yml"] ?? assert.fail());
  execFileSync("promtool", ["check", "rules", join(directory, "rules.yml")]);
  const tests = cases.map(({ sent, expected }) => ({
    interval: "1m",
    input_series: sent,
    // The runs that the firing alerts tell of: promtool's own comparison wants every label and text repeated.
    promql_expr_test: expected.map(({ alert, minute, runs }) => ({
      expr: `count by (testid) (ALERTS{alertname="${alert}",alertstate="firing"})`,
      eval_time: `${minute}m`,
      exp_samples: runs.map((testid) => ({
        labels: testid === "" ? "{}" : `{testid="${testid}"}`,
        value: 1,
      })),
    })),
  }));
  const file = { rule_files: ["rules.yml"], evaluation_interval: "1m", tests };
  writeFileSync(join(directory, "test.yml"), JSON.stringify(file));
  try {
    execFileSync("promtool", ["test", "rules", "test.yml"], { cwd: directory, stdio: "pipe" });
  } catch (error) {
    assert.fail(String((error as { stdout: Buffer; stderr: Buffer }).stderr));
  }
}

/** A run that ended in this minute with this verdict on a target; it sends once, and is stale. */
function ran(testid: string, minute: number, id: string, verdict: Verdict, trigger = "schedule"): Sent[] {
  const labels = `testid="${testid}",release="r",transport="ws",profile="smoke",trigger="${trigger}",test="whole run"`;
  const once = (value: number) => `${minute === 0 ? "" : `_x${minute} `}${value} stale`;
  return [
    { series: `k6_run_ended_seconds{${labels}}`, values: once(minute * 60) },
    { series: `k6_target_verdict{${labels},target="${id}"}`, values: once(verdictNumber(verdict)) },
  ];
}

const nameOf = (i: number): string => alerts()[i]?.name ?? assert.fail();

test("each target's alert fires on a miss and on silence, and stays quiet on what fails no run", {
  skip,
}, (t) => {
  const cases = TARGETS.flatMap(({ id }, i) =>
    VERDICTS.map((verdict) => ({
      sent: ran("a", 1, id, verdict),
      expected: [{ alert: nameOf(i), minute: 2, runs: fails({ verdict }) ? ["a"] : [] }],
    })),
  );
  promtool(t, cases);
});

test("an alert is over with the next run that meets, and looks at scheduled runs only", { skip }, (t) => {
  const [alert, id] = [nameOf(0), TARGETS[0].id];
  promtool(t, [
    {
      sent: [...ran("a", 1, id, "missed"), ...ran("b", 60, id, "met")],
      expected: [
        { alert, minute: 59, runs: ["a"] },
        { alert, minute: 61, runs: [] },
      ],
    },
    // A run of other tests says nothing of the target.
    {
      sent: [...ran("a", 1, id, "missed"), ...ran("b", 60, TARGETS[1].id, "met")],
      expected: [{ alert, minute: 61, runs: ["a"] }],
    },
    { sent: ran("by hand", 1, id, "missed", "manual"), expected: [{ alert, minute: 2, runs: [] }] },
  ]);
});

test("a schedule that no longer runs is told after a day; one that never was is not", { skip }, (t) => {
  const [alert, id, day] = ["NoScheduledRun", TARGETS[0].id, 24 * 60];
  promtool(t, [
    {
      sent: ran("a", 1, id, "met"),
      expected: [
        // The next day's run may end somewhat later.
        { alert, minute: day + 90, runs: [] },
        { alert, minute: day + 122, runs: [""] },
      ],
    },
    { sent: ran("a", 1, id, "met", "manual"), expected: [{ alert, minute: day + 122, runs: [] }] },
  ]);
});

test("memory that grows faster than the target for half an hour is told, steady memory is not", {
  skip,
}, (t) => {
  const memory = (values: string): Sent[] => [
    {
      series: `k6_server_memory_bytes{testid="a",release="r",transport="ws",trigger="schedule"}`,
      values,
    },
  ];
  const alert = "ServerMemoryGrows";
  // 1 % of 100 MB an hour is 16.7 kB a minute.
  promtool(t, [
    {
      sent: memory("100000000+40000x120"),
      expected: [
        { alert, minute: 25, runs: [] },
        { alert, minute: 90, runs: ["a"] },
      ],
    },
    {
      // What a process takes while it starts is no leak.
      sent: memory("100000000+1000000x10 110000000x110"),
      expected: [35, 60, 75, 90].map((minute) => ({ alert, minute, runs: [] })),
    },
    { sent: memory("100000000+10000x120"), expected: [{ alert, minute: 90, runs: [] }] },
    {
      // Behind the end of a run the window holds its last minutes alone.
      sent: memory("100000000+0x42 100000000+400000x8 stale"),
      expected: [60, 72, 75, 78].map((minute) => ({ alert, minute, runs: [] })),
    },
  ]);
});

test("the Prometheus of compose.yaml reads the committed rules", { skip }, () => {
  const directory = fileURLToPath(new URL("prometheus", import.meta.url));
  const said = execFileSync("promtool", ["check", "config", "prometheus.yml"], { cwd: directory });
  assert.match(String(said), new RegExp(`rules.yml\\s+SUCCESS: ${alerts().length} rules`));
});

test("Grafana's rules are Prometheus's", () => {
  const rules = grafanaRules().groups.flatMap((group) => group.rules);
  assert.deepEqual(
    rules.map(({ title, data, for: lasting }) => [
      title,
      (data[0]?.model as { expr?: string } | undefined)?.expr,
      lasting,
    ]),
    alerts().map(({ name, expr, lasting }) => [name, expr, lasting]),
  );
  assert.ok(rules.every(({ uid }) => uid.length <= 40));
  // Grafana replaces $NAME in provisioned files by environment variables.
  assert.doesNotMatch(generatedFiles["provisioning/alerting/rules.yaml"] ?? "$", /\$/);
});
