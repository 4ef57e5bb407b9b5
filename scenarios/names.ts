/**
 * The names of all load tests, in the order in which the suite runs them: those that can poison a server come last.
 * The endurance test is part of the suite in profile endurance only.
 */
export const TEST_NAMES = [
  "basic-connection",
  "multiple-clients",
  "reconnection",
  "fallback-report",
  "throughput",
  "plan-scaling",
  "endurance",
  "concurrent-workers",
  "rapid-create-delete",
  "cleanup-race",
] as const;
export type TestName = (typeof TEST_NAMES)[number];
