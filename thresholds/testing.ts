import { histogramOf, mergeInto, type SparseHistogram } from "../record/histogram.ts";
import { seededRandom } from "../record/random.ts";
import type { RunRecord } from "../record/record.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { judge } from "./judge.ts";
import { type Evidence, NO_EVIDENCE, type TargetId } from "./targets.ts";

const TARGETS_OF_STREAMS: TargetId[] = [
  "connection-success",
  "message-delivery",
  "message-latency",
  "clean-outcomes",
  "server-errors",
  "responsiveness",
];

/** Evidence of nothing, with what a test wants to differ. */
export const sampleEvidence = (different: Partial<Evidence> = {}): Evidence => ({
  ...NO_EVIDENCE,
  test: "multiple-clients",
  ...different,
});

/** What differs in a made-up record. */
export interface Different {
  seed: number;
  release?: string;
  transport?: RunRecord["transport"];
  /** The share of plans that lose messages, and of those that refuse a stream. */
  lostShare?: number;
  refusedShare?: number;
  /** The middle of the plans' latencies, in milliseconds. */
  latencyMs?: number;
}

const PLANS = 12;
const MESSAGES = 100;

/**
 * A record of one test, made up of plans as chance has them: each plan has latencies of its own, and the machine was as
 * busy as it was. Judged as a run would be.
 */
export function madeUpRecord(different: Different): RunRecord {
  const {
    seed,
    release = "dev",
    transport = "sse",
    lostShare = 0,
    refusedShare = 0,
    latencyMs = 3,
  } = different;
  const random = seededRandom(seed);
  const busy = latencyMs * (0.85 + 0.3 * random());
  const plans = Array.from({ length: PLANS }, (_, i) => {
    const slow = busy * (0.7 + 0.6 * random());
    const latency = histogramOf(Array.from({ length: MESSAGES }, () => slow * (0.5 + 2 * random() ** 3)));
    const lost = random() < lostShare ? 20 : 0;
    const usable = random() < refusedShare ? 0 : 1;
    const delivered = MESSAGES - lost;
    return {
      test: "multiple-clients",
      plan: `plan ${seed} ${i}`,
      counts: { attempts: 1, usable, ended: 1, acceptable: usable, due: MESSAGES, delivered },
      latency,
    };
  });
  const counts: Record<string, number> = { probes: 10, prompt: 10, requests: 60 };
  const latency: SparseHistogram = {};
  for (const plan of plans) {
    mergeInto(counts, plan.counts);
    mergeInto(latency, plan.latency);
  }
  const second = { probes: 1, prompt: 1, requests: 6 };
  const items = Array.from({ length: 10 }, (_, i) => ({ at: i * 1_000, counts: second, latency: {} }));
  const evidence = sampleEvidence({ counts, latency, plans: plans.map((plan) => plan.latency) });
  const { targets, tests } = judge([[{ ...evidence, targets: TARGETS_OF_STREAMS }]]);
  return sampleRecord({
    runId: `run-${transport}-${release}-${seed}`,
    release,
    transport,
    targets,
    tests: [sampleTest({ targets: tests["multiple-clients"] ?? [], tally: { counts, latency } })],
    plans: { seen: PLANS, kept: plans },
    histograms: { latency },
    windows: { "multiple-clients": { widthMs: 1_000, items } },
  });
}
