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

/** What each test says, where it is not the same for all; a test that is not named must meet all of its targets. */
export type ByTest = Partial<Record<TestName, ExpectedVerdicts>>;

/** A fault, and the tests that can see it; basic-connection is run with all of them, unless tests are told apart. */
export interface Expectation extends ExpectedVerdicts {
  /** One, or several with spaces between. */
  fault: string;
  /** What each of the tests says: those that follow the one that the fault strikes are unharmed, or say why not. */
  byTest?: ByTest;
  transport: Transport;
  tests: TestName[];
  /** smoke, unless the fault shows only under more load. */
  profile?: Profile;
  /** Part of `npm test`; the others run in `npm run faults`. */
  inTests?: true;
}

const FALLBACK_TARGETS: TargetId[] = [
  "connection-success",
  "message-delivery",
  "message-latency",
  "clean-outcomes",
  "server-errors",
  "responsiveness",
  "fallback-report",
];
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
    // Whoever returns is refused; whoever stayed hears on.
    fault: "sse-queue-removed",
    transport: "sse",
    tests: STREAMS,
    missed: ["connection-success", "reconnection-success", "reconnection-loss", "clean-outcomes"],
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
    // Orphaned sockets: open, and silent. Most of them, so that returning clients are among them.
    fault: "ws-orphan=0.7",
    transport: "ws",
    tests: STREAMS,
    missed: ["connection-success", "message-delivery", "reconnection-success", "clean-outcomes"],
    // An orphan that returns sees nothing of its gap; without one, all is replayed.
    either: ["reconnection-loss"],
    // Where every client of a gap's plan is orphaned, nobody has a message of it.
    noData: ["reconnection-loss", "message-latency"],
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
    // A deletion answers 500 and leaves the plan, or leaves its pipeline running, to its failure.
    fault: "sse-delete-race=0.5",
    transport: "sse",
    tests: RACES,
    missed: ["clean-outcomes", "server-errors"],
  },
  {
    // What nobody watched stays for ever: 20 lines of a MiB a plan.
    fault: "sse-unwatched-leak=1048576",
    transport: "sse",
    tests: ["endurance"],
    missed: ["memory-stability"],
  },
  {
    // Ten plans and ten streams want twenty of fifteen connections. Whoever waits blocks all for 1.5 s, and is told no.
    fault: "sse-pool=1500",
    transport: "sse",
    tests: ["plan-scaling"],
    byTest: {
      "plan-scaling": {
        missed: ["responsiveness", "scaling"],
        // It is chance who has to wait: a creation, a stream, a question how a plan stands.
        either: [
          "connection-success",
          "clean-outcomes",
          "server-errors",
          "message-delivery",
          "message-latency",
        ],
        noData: [
          "connection-success",
          "clean-outcomes",
          "server-errors",
          "message-delivery",
          "message-latency",
        ],
      },
    },
    missed: [],
    inTests: true,
  },
  {
    // Six connections are what a plan and five clients hold: whatever is asked beside them blocks all for three seconds. Two
    // plans with a client each are well again behind it.
    fault: "sse-pool=3000 pool-size=6",
    transport: "sse",
    tests: ["multiple-clients", "fallback-report"],
    byTest: {
      "multiple-clients": {
        missed: ["responsiveness"],
        // Late by three seconds is late, where a message was on its way; a stream that waits is broken off. Who waits is
        // answered where the plan is over, and gives up its connection, before three seconds are.
        either: [
          "connection-success",
          "clean-outcomes",
          "message-delivery",
          "message-latency",
          "server-errors",
        ],
        noData: [
          "connection-success",
          "clean-outcomes",
          "message-delivery",
          "message-latency",
          "server-errors",
        ],
      },
    },
    missed: [],
    inTests: true,
  },
  {
    // Two plans at once hold both connections: whatever is asked beside them blocks all until one is over. A single plan does not.
    fault: "ws-pool=3000 pool-size=2",
    transport: "ws",
    tests: ["reconnection", "throughput"],
    byTest: {
      reconnection: {
        missed: ["responsiveness"],
        either: [
          "connection-success",
          "clean-outcomes",
          "message-delivery",
          "message-latency",
          "server-errors",
          "reconnection-success",
          "reconnection-loss",
        ],
        noData: [
          "connection-success",
          "clean-outcomes",
          "message-delivery",
          "message-latency",
          "server-errors",
          "reconnection-success",
          "reconnection-loss",
        ],
      },
    },
    missed: [],
    inTests: true,
  },
  {
    // From two seconds after its start on nothing is answered: the test that meets it, and no other, has anything to say.
    fault: "stall=600000",
    transport: "ws",
    tests: ["multiple-clients", "fallback-report"],
    byTest: {
      "multiple-clients": {
        missed: ["responsiveness"],
        either: ["connection-success", "message-delivery", "message-latency", "clean-outcomes"],
        noData: [
          "connection-success",
          "message-delivery",
          "message-latency",
          "clean-outcomes",
          "server-errors",
        ],
      },
      "fallback-report": { missed: [], noData: FALLBACK_TARGETS },
    },
    missed: [],
  },
  {
    // Twenty plans want twenty of fifteen connections: everything waits until the first fifteen are over.
    fault: "ws-pool",
    transport: "ws",
    profile: "baseline",
    tests: ["plan-scaling"],
    missed: ["responsiveness"],
    // Who waits to connect comes when its plan is over; plans that wait for those before them take twice as long.
    either: ["connection-success", "clean-outcomes", "message-delivery", "scaling"],
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
    missed: ["clean-outcomes", "responsiveness"],
    // What was on its way when a server went down is lost, or was not due to anybody any more; a test that meets nothing
    // but crashes sees no message, and no stream.
    either: ["message-delivery", "message-latency", "connection-success"],
    // What a server that went down would have answered is not known.
    noData: ["message-delivery", "message-latency", "connection-success", "server-errors"],
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

/** A version of the server, under the whole suite in profile smoke: what each test says of it. */
export interface ExpectedVersion {
  behaviour: BehaviourName;
  /** What it offers. */
  transports: readonly Transport[];
  tests: ByTest;
}

/** Messages wait for a poll, or a step, of 100 ms, which is the target. */
const AT_100_MS: TargetId[] = ["message-latency"];
/** A socket of seventeen is orphaned: open, and silent. */
const ORPHANS: TargetId[] = ["connection-success", "message-delivery", "clean-outcomes"];
/** What a server says of itself that blocks while it is asked. */
const BLOCKED: TargetId[] = [
  "connection-success",
  "message-delivery",
  "clean-outcomes",
  "server-errors",
  "message-latency",
];

export const VERSIONS: ExpectedVersion[] = [
  { behaviour: "healthy", transports: TRANSPORTS, tests: {} },
  {
    behaviour: "sse-2025-09",
    transports: ["sse"],
    tests: {
      // The stream of a plan that never started says nothing for ever.
      "basic-connection": { missed: ["clean-outcomes"], either: AT_100_MS },
      // Each message reaches one of five, and one is told the end. Whether one of them gets nothing at all is chance.
      "multiple-clients": {
        missed: ["message-delivery", "clean-outcomes"],
        either: ["connection-success", ...AT_100_MS],
      },
      // Who returns is refused, in a 200; two share what there is.
      reconnection: {
        missed: [
          "connection-success",
          "message-delivery",
          "clean-outcomes",
          "reconnection-success",
          "reconnection-loss",
        ],
        either: AT_100_MS,
      },
      // It came with the WebSocket.
      "fallback-report": { missed: ["fallback-report"], either: AT_100_MS },
      // Three share what one is offered.
      throughput: {
        missed: ["message-delivery", "throughput"],
        // The test may leave before the plan's end, which one alone is told.
        either: ["connection-success", "clean-outcomes", ...AT_100_MS],
      },
      // A deleted plan's pipeline runs on, to its failure, unless it was over.
      "cleanup-race": { missed: [], either: ["clean-outcomes"] },
      "rapid-create-delete": { missed: [], either: ["clean-outcomes"] },
      // Ten plans and ten streams want twenty of fifteen connections.
      "plan-scaling": { missed: ["responsiveness", "scaling"], either: BLOCKED, noData: BLOCKED },
    },
  },
  {
    behaviour: "ws-2025-10",
    transports: ["ws"],
    tests: {
      // Streams of plans that are over are silent for ever.
      "basic-connection": { missed: ["clean-outcomes"], either: [...ORPHANS, ...AT_100_MS] },
      "multiple-clients": { missed: [], either: [...ORPHANS, ...AT_100_MS] },
      // Nothing is replayed.
      reconnection: {
        missed: ["reconnection-loss"],
        either: [...ORPHANS, "reconnection-success", ...AT_100_MS],
      },
      // The report holds next to nothing.
      "fallback-report": { missed: ["fallback-report"], either: [...ORPHANS, ...AT_100_MS] },
      throughput: { missed: [], either: [...ORPHANS, "throughput", ...AT_100_MS], noData: ["throughput"] },
      // Of a hundred deletions five fail.
      "cleanup-race": { missed: [], either: ["connection-success", "clean-outcomes", "server-errors"] },
      "rapid-create-delete": {
        missed: [],
        either: ["connection-success", "clean-outcomes", "server-errors"],
      },
      "concurrent-workers": { missed: [], either: ["connection-success", "clean-outcomes"] },
      // Twenty plans want twenty of fifteen connections: what is asked meanwhile waits for the end of one, a second.
      "plan-scaling": {
        missed: [],
        either: [...ORPHANS, "responsiveness", "scaling", ...AT_100_MS],
        noData: ["scaling"],
      },
    },
  },
];
