/** The names of all load tests, in the order in which the suite runs them. */
export const TEST_NAMES = ["basic-connection", "multiple-clients", "reconnection"] as const;
export type TestName = (typeof TEST_NAMES)[number];
