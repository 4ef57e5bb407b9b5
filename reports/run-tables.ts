import type { RunRecord, ServerSample, Stall, StepReport } from "../record/record.ts";
import { exponentBetween } from "../thresholds/targets.ts";
import { decimal, milliseconds } from "./format.ts";

/** A table of a report: its caption, its head, its rows. */
export interface TableView {
  caption: string;
  head: string[];
  rows: string[][];
}

const MEBI = 2 ** 20;

/** What some tests measure beside their streams: steps, rates, fallback reports, the server's process. */
export function tablesOf({ steps, rates, fallbacks, samples, stalls }: RunRecord, test: string): TableView[] {
  const mine = <T extends { test: string }>(all: readonly T[]) => all.filter((one) => one.test === test);
  const tables: TableView[] = [
    {
      caption: "Plans at once, step by step",
      head: [
        "Plans",
        "Completed",
        "Until the last completed",
        "Exponent from the step before",
        "Until the last first message",
        "Received",
        "Stalls of /health",
      ],
      rows: mine(steps).map((step, i, all) => [
        String(step.plans),
        String(step.completed),
        milliseconds(step.completionMs),
        exponentFrom(all[i - 1], step),
        milliseconds(step.firstMessageMs ?? undefined),
        partOf(step.delivered, step.due),
        stallsIn(step, mine(stalls.kept)),
      ]),
    },
    {
      caption: "Messages per second",
      head: [
        "Clients",
        "Offered",
        "Given to the client that got least",
        "Taken by a slow reader",
        "Latency p50",
        "p95",
        "p99",
        "Lost",
      ],
      rows: mine(rates).map((rate) => [
        String(rate.clients),
        decimal(rate.offered),
        decimal(rate.delivered),
        decimal(rate.slowReader),
        milliseconds(rate.latency?.p50),
        milliseconds(rate.latency?.p95),
        milliseconds(rate.latency?.p99),
        partOf(rate.lost, rate.due),
      ]),
    },
    {
      caption: "Reports of plans whose run broke off",
      head: ["Plan", "Broke off", "Delivered", "Complete", "Sections missing", "Artefacts"],
      rows: mine(fallbacks).map((one) => [
        one.plan,
        one.cause,
        one.isDelivered ? `✓ after ${milliseconds(one.availableMs ?? undefined)}` : `✗ ${one.reason}`,
        one.completionPercentage === null ? "–" : `${decimal(one.completionPercentage)} %`,
        one.isDelivered ? one.missingSections.join(", ") || "none" : "–",
        String(one.artefacts),
      ]),
    },
    { caption: "The server's process", head: SAMPLE_HEAD, rows: sampleRows(mine(samples.kept)) },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

const partOf = (n: number, all: number): string => (all === 0 ? "–" : `${n} of ${all}`);

const exponentFrom = (before: StepReport | undefined, step: StepReport): string =>
  before === undefined ? "–" : exponentBetween(before, step).toFixed(2);

function stallsIn({ startedAt, endedAt }: StepReport, stalls: readonly Stall[]): string {
  if (startedAt === null || endedAt === null) return "–";
  return String(stalls.filter(({ at }) => at >= startedAt && at <= endedAt).length);
}

const SAMPLE_HEAD = [
  "Phase",
  "Samples",
  "Memory, MiB",
  "Threads",
  "Open files",
  "Processor",
  "k6's memory, MiB",
];

/** A row a phase: from its first sample to its last. */
function sampleRows(samples: readonly ServerSample[]): string[][] {
  return [...new Set(samples.map(({ phase }) => phase))].map((phase) => {
    const mine = samples.filter((sample) => sample.phase === phase);
    const [first, last] = [mine[0], mine.at(-1)];
    if (first === undefined || last === undefined) return [phase];
    const fromTo = (read: (sample: ServerSample) => number | null) =>
      `${decimal(read(first))} to ${decimal(read(last))}`;
    const mebi = (bytes: number | null) => (bytes === null ? null : bytes / MEBI);
    const seconds = (last.at - first.at) / 1_000;
    const busy =
      last.cpuSeconds === null || first.cpuSeconds === null ? null : last.cpuSeconds - first.cpuSeconds;
    return [
      phase,
      String(mine.length),
      fromTo((sample) => mebi(sample.residentBytes)),
      fromTo((sample) => sample.threads),
      fromTo((sample) => sample.openFiles),
      busy === null || seconds === 0 ? "–" : `${((100 * busy) / seconds).toFixed(1)} %`,
      fromTo((sample) => mebi(sample.k6ResidentBytes)),
    ];
  });
}
