import assert from "node:assert/strict";
import { test } from "node:test";
import { type Target, target } from "../thresholds/targets.ts";

test("a target changed in thresholds/ changes thresholds, lines, buckets and alerts together", async () => {
  const row: { limit: number } & Pick<Target, "unit"> = target("message-latency");
  assert.equal(row.limit, 100);
  row.limit = 70;
  const { k6Thresholds } = await import("../thresholds/k6.ts");
  const { BOUNDS_MS } = await import("../run/series.ts");
  const { alerts } = await import("./alerts.ts");
  const { DASHBOARDS } = await import("./files.ts");
  const thresholds = k6Thresholds([{ name: "t", targets: ["message-latency"] }]);
  assert.deepEqual(thresholds["message_latency{test:t}"], ["value<70"]);
  assert.ok(BOUNDS_MS.includes(70));
  const alert = alerts().find(({ name }) => name === "MessageLatencyMissed");
  assert.match(alert?.summary ?? "", /not < 70 ms$/);
  const panels = DASHBOARDS.flatMap((dashboard) => dashboard.panels ?? []).filter(({ title }) =>
    title?.startsWith("Message latency, p95 ("),
  );
  assert.ok(panels.length >= 3);
  for (const panel of panels) {
    assert.equal(panel.title, "Message latency, p95 (< 70 ms)");
    const { defaults } = (
      panel as { fieldConfig: { defaults: { unit: string; thresholds: { steps: object[] } } } }
    ).fieldConfig;
    const line = defaults.unit === "s" ? 0.07 : 70;
    assert.deepEqual(defaults.thresholds.steps.at(-1), { value: line, color: "red" });
  }
});
