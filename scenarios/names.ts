/**
 * The names of all load tests, in the order in which the suite runs them, from the gentlest load to the hardest: one plan,
 * several clients of one plan, several plans, plans that come and go, and last so many plans that a server breaks down. The
 * endurance test is part of the suite in profile endurance only.
 */
export const TEST_NAMES = [
  "basic-connection",
  "multiple-clients",
  "reconnection",
  "fallback-report",
  "throughput",
  "endurance",
  "cleanup-race",
  "rapid-create-delete",
  "concurrent-workers",
  "plan-scaling",
] as const;
export type TestName = (typeof TEST_NAMES)[number];
