// node --import tsx bench/merge.ts [instances]: a model of npm run merge for many instances, each with as much in its record as a
// run keeps at most: time, memory, and the size of what comes out.
import { histogramOf } from "../record/histogram.ts";
import { MOST_KEPT } from "../record/join.ts";
import { seededRandom } from "../record/random.ts";
import { parseRecord, type RunRecord } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { mergeRecords } from "../thresholds/merge.ts";
import { TARGETS } from "../thresholds/targets.ts";

const TEST = "multiple-clients";
const random = seededRandom(1);
const latencies = () => histogramOf(Array.from({ length: 200 }, () => 5 + 60 * random() ** 3));
const list = <Entry>(make: (i: number) => Entry) => Array.from({ length: MOST_KEPT }, (_, i) => make(i));

/** The text of an instance's run.json: as many streams, plans and seconds as it may hold. */
function textOf(number: number, of: number): string {
  const counts = { "users:expected": 100, "users:finished": 100, due: 60_000, delivered: 60_000 };
  const targets = TARGETS.map(({ id }) => ({
    id,
    verdict: "met" as const,
    value: null,
    unit: "",
    target: "",
    observations: 0,
    interval: null,
    reason: "",
  }));
  return JSON.stringify(
    sampleRecord({
      instance: `${number}-of-${of}`,
      clock: { offsetMs: 10 * random(), uncertaintyMs: 1, applied: true },
      tests: [sampleTest({ targets, tally: { counts, latency: latencies() } })],
      streams: {
        seen: MOST_KEPT,
        kept: list((i) => ({
          test: TEST,
          plan: `plan ${number}-${i}`,
          client: "client 1",
          outcome: "completed" as const,
          acceptable: true,
          reason: "",
          startedAt: 1e12,
          openedAt: 1e12,
          endedAt: 1e12,
          firstMessageMs: 1,
          p95Ms: 60 * random(),
          counts: { due: 600, delivered: 600 },
        })),
      },
      plans: {
        seen: MOST_KEPT,
        kept: list((i) => ({ test: TEST, plan: `${i}`, counts: {}, latency: latencies() })),
      },
      windows: {
        [TEST]: {
          widthMs: 1_000,
          items: Array.from({ length: 1_800 }, (_, i) => ({
            at: i * 1_000,
            counts: { messages: 9 },
            latency: {},
          })),
        },
      },
    }),
  );
}

const of = Number(process.argv[2] ?? 1_000);
// One text for all: what is measured is reading, parsing and joining, not making them.
const text = textOf(1, of);
let mostMemory = 0;

function* records(): Generator<RunRecord> {
  for (let number = 1; number <= of; number++) {
    mostMemory = Math.max(mostMemory, process.memoryUsage().rss);
    yield parseRecord(text.replace(`"1-of-${of}"`, `"${number}-of-${of}"`), "a record");
  }
}

const started = Date.now();
const whole = mergeRecords(records());
const seconds = (Date.now() - started) / 1_000;
const mebi = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
console.log(
  `${of} records of ${mebi(text.length)} MiB: ${seconds.toFixed(1)} s, ${mebi(mostMemory)} MiB at most, ` +
    `the whole ${mebi(JSON.stringify(whole).length)} MiB, ${whole.state}`,
);
