import type { Transport } from "../record/record.ts";
import type { TestName } from "../scenarios/names.ts";
import type { TargetId } from "../thresholds/targets.ts";

/**
 * A fault, the tests that can see it, and the targets that it makes them miss. Written by hand from what the fault is
 * and what the targets are; never from results. Every other target of those tests must be met.
 */
export interface Expectation {
  fault: string;
  transport: Transport;
  tests: TestName[];
  missed: TargetId[];
  /** Targets that chance may make met or missed, each for the reason given beside it. */
  either?: TargetId[];
  /** Part of `npm test`; the others run in `npm run faults`. */
  inTests?: true;
}

const STREAMS: TestName[] = ["basic-connection", "multiple-clients", "reconnection"];

export const FAULT_MATRIX: Expectation[] = [
  {
    // Each message reaches one of the clients; one client is told the end, the others hang.
    fault: "sse-shared-queue",
    transport: "sse",
    tests: STREAMS,
    missed: ["message-delivery", "clean-outcomes", "reconnection-loss"],
    inTests: true,
  },
  {
    // Whoever returns is refused; whoever stayed hears nothing more.
    fault: "sse-queue-removed",
    transport: "sse",
    tests: STREAMS,
    missed: [
      "connection-success",
      "message-delivery",
      "reconnection-success",
      "reconnection-loss",
      "clean-outcomes",
    ],
    inTests: true,
  },
  {
    // The stream of a plan that never started says nothing for ever.
    fault: "sse-endless-stream",
    transport: "sse",
    tests: STREAMS,
    missed: ["clean-outcomes"],
    inTests: true,
  },
  { fault: "sse-poll=300", transport: "sse", tests: STREAMS, missed: ["message-latency"], inTests: true },
  {
    // Orphaned sockets: open, and silent. Half of them, so that returning clients are among them.
    fault: "ws-orphan=0.5",
    transport: "ws",
    tests: STREAMS,
    missed: ["connection-success", "message-delivery", "reconnection-success", "clean-outcomes"],
    // An orphan that returns sees nothing of its gap; without one, all is replayed.
    either: ["reconnection-loss"],
    inTests: true,
  },
  { fault: "ws-no-replay", transport: "ws", tests: STREAMS, missed: ["reconnection-loss"], inTests: true },
  {
    // Streams of unknown, finished and deleted plans are accepted, and silent for ever.
    fault: "ws-silent-stream",
    transport: "ws",
    tests: STREAMS,
    missed: ["clean-outcomes"],
    inTests: true,
  },
];
