import { TRANSPORTS, type Transport } from "../record/record.ts";
import type { Profile } from "../run/settings.ts";
import type { TestName } from "../scenarios/names.ts";
import type { BehaviourName } from "../server/faults.ts";
import type { TargetId } from "../thresholds/targets.ts";

/**
 * The verdicts that a server must get. Written by hand from what is wrong with it and what the targets are; never from
 * results. Every target that is not named must be met.
 */
export interface ExpectedVerdicts {
  missed: TargetId[];
  /** Targets that chance may make met or missed, each for the reason given beside it. */
  either?: TargetId[];
  /** Targets for which the fault may leave nothing to be seen. */
  noData?: TargetId[];
  /** Targets that cannot be measured in a run as short as this, as on a healthy server. */
  notMeasured?: TargetId[];
}

/** A fault, and the tests that can see it; basic-connection is run with all of them. */
export interface Expectation extends ExpectedVerdicts {
  fault: string;
  transport: Transport;
  tests: TestName[];
  /** smoke, unless the fault shows only under more load. */
  profile?: Profile;
  /** Part of `npm test`; the others run in `npm run faults`. */
  inTests?: true;
}

const RACES: TestName[] = ["rapid-create-delete", "cleanup-race", "basic-connection"];
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
  {
    // A deletion answers 500 and leaves the plan, or deletes it without telling its readers.
    fault: "sse-delete-race=0.5",
    transport: "sse",
    tests: RACES,
    missed: ["clean-outcomes", "server-errors"],
  },
  {
    // What nobody watched stays for ever: 20 MiB a plan.
    fault: "sse-unwatched-leak=20480",
    transport: "sse",
    tests: ["endurance"],
    missed: ["memory-stability"],
  },
  {
    // Three plans and fifteen streams want eighteen of fifteen connections: everything waits for a plan's end, and so
    // does /health.
    fault: "sse-pool",
    transport: "sse",
    tests: ["multiple-clients", "basic-connection"],
    missed: ["responsiveness"],
    // The last clients get their streams at about the moment at which they would give up.
    either: ["connection-success", "clean-outcomes"],
    inTests: true,
  },
  {
    // Twenty plans want twenty of fifteen connections: everything waits until the first fifteen are over.
    fault: "ws-pool",
    transport: "ws",
    profile: "baseline",
    tests: ["plan-scaling"],
    missed: ["responsiveness"],
  },
  {
    // The answer is 500, and the plan is still there.
    fault: "ws-delete-500=0.5",
    transport: "ws",
    tests: RACES,
    missed: ["clean-outcomes", "server-errors"],
    inTests: true,
  },
  { fault: "ws-step=300", transport: "ws", tests: ["basic-connection"], missed: ["message-latency"] },
  {
    // The server is away for a second, and so are its plans and streams.
    fault: "crash=0.3",
    transport: "ws",
    tests: ["rapid-create-delete"],
    missed: ["connection-success", "clean-outcomes", "responsiveness"],
    // What was on its way when a server went down is lost, or was not due to anybody any more; a test that meets nothing
    // but crashes sees no message.
    either: ["message-delivery", "message-latency"],
    noData: ["message-delivery", "message-latency"],
  },
  {
    fault: "lose=0.05",
    transport: "ws",
    tests: STREAMS,
    // What is replayed after a gap is lost at the same rate.
    missed: ["message-delivery", "reconnection-loss"],
  },
  { fault: "duplicate=0.05", transport: "ws", tests: STREAMS, missed: ["message-delivery"] },
  { fault: "reorder=0.05", transport: "sse", tests: STREAMS, missed: ["message-delivery"] },
  { fault: "latency=150", transport: "ws", tests: STREAMS, missed: ["message-latency"] },
  { fault: "slowdown=1.5", transport: "ws", tests: ["plan-scaling"], missed: ["scaling"], inTests: true },
  {
    fault: "idle-cpu=0.3",
    transport: "ws",
    tests: ["endurance"],
    missed: ["cpu-efficiency"],
    notMeasured: ["memory-stability"],
    inTests: true,
  },
  {
    // Among the tests there is one of its own: a leak measured by what a healthy server grows by.
    fault: "memory-leak=4096",
    transport: "ws",
    tests: ["endurance"],
    missed: ["memory-stability"],
  },
  {
    fault: "file-leak=1",
    transport: "sse",
    tests: ["endurance"],
    missed: ["resource-stability"],
    notMeasured: ["memory-stability"],
    inTests: true,
  },
  {
    fault: "thread-leak=1",
    transport: "ws",
    tests: ["endurance"],
    missed: ["resource-stability"],
    // Forty threads hold memory as well: more than a process's start explains, or not.
    either: ["memory-stability"],
    notMeasured: ["memory-stability"],
  },
  {
    // What the pipeline offers piles up before the clients, and comes late.
    fault: "throttle=300",
    transport: "ws",
    tests: ["throughput"],
    missed: ["throughput", "message-latency"],
    // The clients leave in the middle: what none of them has by then is known to nobody, what one has, the others lack.
    either: ["message-delivery"],
    inTests: true,
  },
  {
    // A reader that takes fifty messages a second holds the others to that, once the buffers in between are full; while
    // those drain, nothing comes to anybody for longer than a stream may be silent.
    fault: "slow-reader-blocks",
    transport: "sse",
    profile: "baseline",
    tests: ["throughput"],
    missed: ["throughput", "message-delivery", "clean-outcomes"],
    // What comes late comes to one scene of three.
    either: ["message-latency"],
  },
  {
    // For 1.8 s of every 3.8 s nothing is answered: of two probes a second apart, one waits longer than a second.
    fault: "stall=1800",
    transport: "ws",
    tests: ["multiple-clients", "basic-connection", "reconnection"],
    missed: ["responsiveness"],
  },
  {
    fault: "no-fallback-report",
    transport: "ws",
    tests: ["fallback-report"],
    missed: ["fallback-report"],
    inTests: true,
  },
  {
    fault: "cut=500",
    transport: "ws",
    tests: ["basic-connection", "multiple-clients"],
    missed: ["clean-outcomes"],
    // A message stamped at the very moment of the cut goes down with it.
    either: ["message-delivery"],
  },
  {
    // The plan that should fail never ends; its report is to be had all the same.
    fault: "plan-death=300",
    transport: "ws",
    tests: ["fallback-report"],
    missed: ["clean-outcomes"],
  },
];

/** A version of the server, under the whole suite in profile smoke. */
export interface ExpectedVersion extends ExpectedVerdicts {
  behaviour: BehaviourName;
  /** What it offers. */
  transports: readonly Transport[];
}

export const VERSIONS: ExpectedVersion[] = [
  { behaviour: "healthy", transports: TRANSPORTS, missed: [] },
  {
    behaviour: "sse-2025-09",
    transports: ["sse"],
    missed: [
      // Messages are shared out between clients, and whoever returns is refused.
      "connection-success",
      "message-delivery",
      "reconnection-success",
      "reconnection-loss",
      "throughput",
      // One client of five is told the end; of more than a hundred deletions a tenth fails.
      "clean-outcomes",
      "server-errors",
      // Fifteen streams and their plans take all connections to the database.
      "responsiveness",
      // It came with the WebSocket.
      "fallback-report",
    ],
    // Polled every 100 ms, which is the target; sixteen plans wait for fifteen, or for those that hang.
    either: ["message-latency", "scaling"],
    noData: ["message-latency", "scaling"],
  },
  {
    behaviour: "ws-2025-10",
    transports: ["ws"],
    // A sixth of all sockets is orphaned, nothing is replayed, and streams of plans that are over are silent for ever.
    missed: ["connection-success", "message-delivery", "reconnection-loss", "clean-outcomes"],
    // An orphan may or may not be among four that return, eleven that read fast, or twenty-one that wait for the end of
    // their plans; of seventy-six deletions a twentieth fails; stamps are up to 100 ms old, which is the target. Sixteen
    // plans take all fifteen connections: what is asked meanwhile waits for the end of one, 0.4 s on an idle machine.
    either: [
      "reconnection-success",
      "throughput",
      "scaling",
      "server-errors",
      "message-latency",
      "responsiveness",
    ],
    noData: ["scaling", "throughput"],
  },
];
