import assert from "node:assert/strict";
import { test } from "node:test";
import { histogramOf } from "../record/histogram.ts";
import {
  bucketSeries,
  COUNTERS,
  type CounterName,
  counted,
  counterSeries,
  countsWithin,
  gaugeSeries,
} from "../run/series.ts";
import type { Ask, Series } from "./prometheus-query.ts";
import { recordFromPrometheus } from "./prometheus-records.ts";

const NOW = 1_700_000_000;

interface Sent {
  number: number;
  of?: number;
  latencies?: readonly number[];
  /** Counters, and how much of them was lost on the way. */
  counters?: Partial<Record<CounterName, number>>;
  lost?: number;
  isEnded?: boolean;
  labels?: Record<string, string>;
}

/** What an instance sends, as last_over_time tells it. */
function sent({
  number,
  of = 2,
  latencies = [],
  counters,
  lost = 0,
  isEnded = true,
  labels,
}: Sent): Series[] {
  const all = { users_expected: 1, users_finished: 1, messages_due: 10, messages_delivered: 10, ...counters };
  const run = { testid: "r", release: "r1", transport: "ws", profile: "smoke", trigger: "manual", ...labels };
  const common = { ...run, instance_id: of === 1 ? "" : String(number) };
  const series = (__name__: string, value: number, more: Record<string, string>): Series => ({
    labels: { __name__, ...common, ...more },
    samples: [[NOW - 5, value]],
  });
  const test = "multiple-clients";
  const whole = { test: "whole run" };
  const sums = counted(
    Object.fromEntries(Object.entries(all).map(([name, n]) => [COUNTERS[name as CounterName], n])),
  );
  const info = {
    script: "suite",
    instances: String(of),
    server_version: "2",
    simulated: "true",
    behaviour: "b",
  };
  return [
    series(gaugeSeries("run_started_seconds"), NOW - 60, whole),
    series(gaugeSeries("run_info"), 1, { ...whole, ...info, k6_version: "v2" }),
    series(gaugeSeries("test_info"), 1, {
      test,
      plan: "2.1",
      group: "g",
      targets: "message-delivery,message-latency",
    }),
    ...Object.entries(all).map(([name, n]) => series(counterSeries(name as CounterName), n, { test })),
    ...countsWithin(histogramOf(latencies)).map(([le, n]) =>
      series(counterSeries(bucketSeries("message_latency")), n, { test, le }),
    ),
    ...(isEnded
      ? [
          series(gaugeSeries("run_counted"), sums + lost, whole),
          series(gaugeSeries("run_ended_seconds"), NOW - 5, whole),
        ]
      : []),
  ];
}

/** A Prometheus that knows these series, as far as it is asked: by name, and by the labels that are equal to something. */
const knowing =
  (all: readonly Series[]): Ask =>
  async (query) => {
    const [, names = ""] = /__name__=~"([^"]*)"/.exec(query) ?? [];
    const where = [...query.matchAll(/(\w+)="([^"]*)"/g)].map(
      ([, name = "", value]) => [name, value] as const,
    );
    return all.filter(
      ({ labels }) =>
        names.split("|").includes(labels.__name__ ?? "") &&
        where.every(([name, value]) => (labels[name] ?? "") === value),
    );
  };

const recordOf = (...instances: Sent[]) => recordFromPrometheus(knowing(instances.flatMap(sent)), "r", NOW);

const latencyOf = async (latencies: readonly number[]) => {
  const { targets } = await recordOf({ number: 1, of: 1, latencies });
  const { verdict, interval, reason } = targets.find(({ id }) => id === "message-latency") ?? assert.fail();
  return [verdict, interval, reason];
};
const times = (n: number, ms: number): number[] => Array<number>(n).fill(ms);

test("counters of all instances are added up, and judged as a whole", async () => {
  const record = await recordOf(
    { number: 1, latencies: times(10, 5) },
    { number: 2, latencies: times(10, 5) },
  );
  assert.equal(record.state, "complete");
  assert.equal(record.tests[0]?.tally.counts.delivered, 20);
  assert.deepEqual(
    record.targets.map(({ id, verdict, value }) => [id, verdict, id === "message-delivery" ? value : "ms"]),
    [
      ["message-delivery", "met", 1],
      ["message-latency", "met", "ms"],
    ],
  );
});

test("a percentile is known to its bucket; whether it meets its target is known", async () => {
  assert.deepEqual(await latencyOf([...times(96, 60), ...times(4, 700)]), [
    "met",
    [50, 75],
    "multiple-clients: 100 messages, between 50 and 75 ms",
  ]);
  assert.deepEqual((await latencyOf([...times(96, 90), ...times(4, 700)])).slice(0, 2), [
    "at the edge",
    [75, 100],
  ]);
  assert.deepEqual((await latencyOf([...times(94, 90), ...times(6, 140)])).slice(0, 2), [
    "missed",
    [100, 150],
  ]);
  assert.deepEqual((await latencyOf(times(9, 20_000))).slice(0, 2), ["missed", null]);
});

test("an instance that is missing, has not told its end, or whose counters did not all arrive is named", async () => {
  const cases: [Sent[], RegExp][] = [
    [[{ number: 2 }], /^instance 1-of-2 left no readable record$/],
    [
      [{ number: 1 }, { number: 2, isEnded: false }],
      /^instance 2-of-2 was broken off without a word, or still/,
    ],
    [
      [{ number: 1 }, { number: 2, counters: { users_expected: 2 } }],
      /^instance 2-of-2 is not complete: failed$/,
    ],
    [[{ number: 1 }, { number: 2, lost: 3 }], /^instance 2-of-2 is not complete: incomplete$/],
  ];
  for (const [instances, finding] of cases) {
    const { state, findings, targets } = await recordOf(...instances);
    assert.equal(state, "incomplete");
    assert.match(findings[0] ?? "", finding);
    assert.deepEqual([...new Set(targets.map(({ verdict }) => verdict))], ["no data"]);
  }
  const { findings } = await recordOf({ number: 1 }, { number: 2, lost: 3 });
  assert.ok(
    findings.includes("2-of-2: its counters came to 25, and to 22 in Prometheus: not all were received"),
  );
});

test("what no run sent, what another version sent, and two runs of one id are refused in one sentence", async () => {
  await assert.rejects(
    recordOf(),
    /^Error: Prometheus knows no run r of the last 90 days: give the run's id/,
  );
  const old = sent({ number: 1 }).filter(({ labels }) => labels.__name__ !== gaugeSeries("run_info"));
  await assert.rejects(
    recordFromPrometheus(knowing(old), "r", NOW),
    /made by another version, merge its records$/,
  );
  await assert.rejects(
    recordOf({ number: 1 }, { number: 2, labels: { release: "r2" } }),
    /no instances of one run: release is r1 in one record and r2 in another$/,
  );
});
