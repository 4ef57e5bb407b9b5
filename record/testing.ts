import type { RunRecord, TestRecord } from "./record.ts";

/** A small record for tests, with what a test wants to differ. */
export function sampleRecord(different: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: 2,
    state: "complete",
    runId: "20261122T080000Z-suite-dev-sse-smoke-0001",
    instance: null,
    test: "suite",
    release: "dev",
    transport: "sse",
    profile: "smoke",
    startedAt: "2026-11-22T08:00:00.000Z",
    endedAt: "2026-11-22T08:00:30.000Z",
    target: {
      baseUrl: "http://127.0.0.1:8080",
      version: "sse-2025-09",
      simulated: true,
      behaviour: "sse-2025-09",
      process: null,
    },
    k6: "v2.2.0",
    by: null,
    command: "k6 run dist/suite.js",
    configuration: { TRANSPORT: "sse" },
    targets: [],
    findings: [],
    tests: [],
    streams: { seen: 0, kept: [] },
    plans: { seen: 0, kept: [] },
    histograms: { latency: {} },
    windows: {},
    failedRequests: { seen: 0, kept: [] },
    stalls: { seen: 0, kept: [] },
    samples: { seen: 0, kept: [] },
    rates: [],
    steps: [],
    fallbacks: [],
    clock: null,
    instrument: { queueDelay: {}, generatorLag: {} },
    bounds: null,
    instances: [],
    ...different,
  };
}

/** A small record of one test of a run. */
export function sampleTest(different: Partial<TestRecord> = {}): TestRecord {
  return {
    name: "multiple-clients",
    plan: ["2.1"],
    group: "multiple_clients",
    startedAt: 0,
    endedAt: 1,
    recoveryMs: null,
    hadFreshServer: false,
    withheld: null,
    targets: [],
    outcomes: {},
    findings: [],
    calls: [],
    tally: { counts: {}, latency: {} },
    timings: {},
    ...different,
  };
}
