/** Which of the two streams of a plan: Server-Sent Events or WebSocket. */
export type Transport = "sse" | "ws";

/** What the `=VALUE` of a fault can be. */
interface ValueKind {
  /** What it is called where a wrong one is refused. */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Whether fractions are wrong. */
  readonly whole: boolean;
}

const VALUE_KINDS = {
  rate: { name: "a rate", least: 0, most: 1, whole: false },
  share: { name: "a share", least: 0, most: 1, whole: false },
  exponent: { name: "an exponent", least: 0, most: 4, whole: false },
  ms: { name: "whole milliseconds", least: 1, most: 600_000, whole: true },
  kib: { name: "whole KiB", least: 1, most: 1_048_576, whole: true },
  count: { name: "a whole number", least: 1, most: 1_000, whole: true },
  messages: { name: "whole messages a second", least: 1, most: 20_000, whole: true },
} as const satisfies Record<string, ValueKind>;

interface Fault {
  /** The streams whose servers can have it. */
  readonly transport: Transport | "both";
  /** One line for people: what the server does wrong. */
  readonly description: string;
  readonly value: keyof typeof VALUE_KINDS | "none";
  /** The value of a fault that is named without one; 1 where a fault takes no value. */
  readonly default: number;
}

const FAULTS = {
  "sse-shared-queue": {
    transport: "sse",
    description: "One queue per plan: a message reaches one of the plan's streams, not all; no replay",
    value: "none",
    default: 1,
  },
  "sse-queue-removed": {
    transport: "sse",
    description: "A stream that ends or is left removes the plan's queue: newcomers are refused",
    value: "none",
    default: 1,
  },
  "sse-endless-stream": {
    transport: "sse",
    description: "The stream of a plan that never started, or was deleted before it did, never ends",
    value: "none",
    default: 1,
  },
  "sse-poll": {
    transport: "sse",
    description: "Each stream looks for messages only once in so many milliseconds",
    value: "ms",
    default: 100,
  },
  "sse-delete-race": {
    transport: "sse",
    description: "DELETE leaves the pipeline running, to its failure; it answers 500 at this rate",
    value: "rate",
    default: 0,
  },
  "sse-unwatched-leak": {
    transport: "sse",
    description: "A plan that ends unwatched leaves so many KiB for 1,000 lines of its log, up to 512 MiB",
    value: "kib",
    default: 427,
  },
  "sse-pool": {
    transport: "sse",
    description:
      "Plans, streams and requests share 15 database connections; a wait for one blocks all, so long",
    value: "ms",
    default: 30_000,
  },
  "ws-orphan": {
    transport: "ws",
    description: "A client of a running plan gets its connection message and then nothing, at this rate",
    value: "rate",
    default: 0.06,
  },
  "ws-no-replay": {
    transport: "ws",
    description: "A client gets only what is sent after it connected",
    value: "none",
    default: 1,
  },
  "ws-silent-stream": {
    transport: "ws",
    description: "Streams of unknown, finished and deleted plans are accepted and get heartbeats, no more",
    value: "none",
    default: 1,
  },
  "ws-pool": {
    transport: "ws",
    description: "Plans and requests share 15 database connections; a wait for one blocks all, so long",
    value: "ms",
    default: 30_000,
  },
  "ws-delete-500": {
    transport: "ws",
    description:
      "DELETE of an unfinished plan closes its streams and answers 500 at this rate; it is completed",
    value: "rate",
    default: 0.05,
  },
  "ws-thin-report": {
    transport: "ws",
    description: "The fallback report has at most this share of a plan's sections, and none before its end",
    value: "share",
    default: 0.036,
  },
  "ws-step": {
    transport: "ws",
    description: "Messages come in steps of so many milliseconds while fewer than 5 plans are unfinished",
    value: "ms",
    default: 100,
  },
  "pool-size": {
    transport: "both",
    description: "With sse-pool or ws-pool: so many database connections",
    value: "count",
    default: 15,
  },
  "llm-stream": {
    transport: "both",
    description: "Beside each line of the log comes a message of type llm_stream, as from newer servers",
    value: "none",
    default: 1,
  },
  "unnamed-events": {
    transport: "sse",
    description: "The events of a stream have no names",
    value: "none",
    default: 1,
  },
  "list-newest": {
    transport: "both",
    description: "GET /api/plans gives so many plans, the newest, and says nothing of the others",
    value: "count",
    default: 100,
  },
  "status-lag": {
    transport: "both",
    description: "Streams hear what has become of a plan so many milliseconds before the plan says so",
    value: "ms",
    default: 15,
  },
  "list-500": {
    transport: "both",
    description: "GET /api/plans answers 500",
    value: "none",
    default: 1,
  },
  crash: {
    transport: "both",
    description: "A create or delete crashes the server at this rate; it is back after --restart-ms, empty",
    value: "rate",
    default: 0.1,
  },
  lose: {
    transport: "both",
    description: "A message is not delivered to a stream, at this rate",
    value: "rate",
    default: 0.05,
  },
  duplicate: {
    transport: "both",
    description: "A message is delivered to a stream twice, at this rate",
    value: "rate",
    default: 0.05,
  },
  reorder: {
    transport: "both",
    description: "A message is delivered to a stream after its successor, at this rate",
    value: "rate",
    default: 0.05,
  },
  latency: {
    transport: "both",
    description: "Every message reaches each stream so many milliseconds later",
    value: "ms",
    default: 150,
  },
  throttle: {
    transport: "both",
    description: "A stream is given at most so many messages a second",
    value: "messages",
    default: 300,
  },
  "slow-reader-blocks": {
    transport: "both",
    description: "A plan's streams are never further than so many messages ahead of its slowest",
    value: "count",
    default: 100,
  },
  cut: {
    transport: "both",
    description: "Every stream is cut without a word so many milliseconds after it opened",
    value: "ms",
    default: 500,
  },
  slowdown: {
    transport: "both",
    description: "The line rate of pipelines is divided by the number of unfinished plans to this power",
    value: "exponent",
    default: 1,
  },
  "plan-death": {
    transport: "both",
    description: "Pipelines die without a word so many milliseconds after their start",
    value: "ms",
    default: 500,
  },
  stall: {
    transport: "both",
    description: "No API request is answered for so many milliseconds, again and again, 2 s apart",
    value: "ms",
    default: 2_000,
  },
  "no-fallback-report": {
    transport: "both",
    description: "There are no fallback reports",
    value: "none",
    default: 1,
  },
  "idle-cpu": {
    transport: "both",
    description: "This share of a core is burnt all the time",
    value: "share",
    default: 0.5,
  },
  "memory-leak": {
    transport: "both",
    description: "So many KiB of memory leak every second, up to 1 GiB",
    value: "kib",
    default: 1_024,
  },
  "file-leak": {
    transport: "both",
    description: "So many files stay open for every plan created, up to 2,000",
    value: "count",
    default: 1,
  },
  "thread-leak": {
    transport: "both",
    description: "So many threads stay for every plan created, up to 100",
    value: "count",
    default: 1,
  },
} as const satisfies Record<string, Fault>;

/** The name of a fault, as `--fault` takes it. */
export type FaultName = keyof typeof FAULTS;

/** Every fault's name. */
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** The faults a server has, each with its value (1 where a fault takes none). */
export type FaultSet = ReadonlyMap<FaultName, number>;

/** A released version of the server, or the server as it should be: what it offers and its faults. */
export interface Behaviour {
  /** The streams it offers. Artefacts and fallback reports came with the WebSocket and are there with it. */
  readonly transports: readonly Transport[];
  readonly faults: readonly FaultName[];
}

const BEHAVIOURS = {
  "sse-2025-09": {
    transports: ["sse"],
    faults: [
      "sse-shared-queue",
      "sse-queue-removed",
      "sse-endless-stream",
      "sse-poll",
      "sse-delete-race",
      "sse-unwatched-leak",
      "sse-pool",
      "list-newest",
      "status-lag",
    ],
  },
  "ws-2025-10": {
    transports: ["ws"],
    faults: [
      "ws-orphan",
      "ws-no-replay",
      "ws-silent-stream",
      "ws-pool",
      "ws-delete-500",
      "ws-thin-report",
      "ws-step",
      "list-newest",
      "status-lag",
    ],
  },
  healthy: { transports: ["sse", "ws"], faults: [] },
} as const satisfies Record<string, Behaviour>;

/** The name of a behaviour, as `--behaviour` takes it and `/health` gives it as `version`. */
export type BehaviourName = keyof typeof BEHAVIOURS;

/** Every behaviour's name. */
export const BEHAVIOUR_NAMES = Object.keys(BEHAVIOURS) as BehaviourName[];

/** A wrong fault or value; its message is one sentence for the person who asked. */
export class FaultError extends Error {}

/** The behaviour of that name. */
export function behaviourNamed(name: BehaviourName): Behaviour {
  return BEHAVIOURS[name];
}

/**
 * The faults of a behaviour and those added to it, which override its values.
 * @param added each `NAME` or `NAME=VALUE`
 * @throws FaultError for an unknown fault, a value out of its range, or a fault of a stream not offered
 */
export function faultsOf(name: BehaviourName, added: readonly string[]): FaultSet {
  const behaviour: Behaviour = BEHAVIOURS[name];
  const faults = new Map<FaultName, number>(behaviour.faults.map((fault) => [fault, FAULTS[fault].default]));
  for (const text of added) {
    const [fault, value] = parseFault(text);
    if (!behaviour.transports.some((transport) => concerns(fault, transport))) {
      throw new FaultError(`fault '${fault}' needs a stream that behaviour '${name}' does not offer`);
    }
    faults.set(fault, value);
  }
  return faults;
}

/** Whether a fault is one of the servers of such streams. */
export function concerns(fault: FaultName, transport: Transport): boolean {
  const { transport: faulty }: Fault = FAULTS[fault];
  return faulty === "both" || faulty === transport;
}

/** The behaviour and its faults in one line: `healthy`, or `sse-2025-09: sse-shared-queue, sse-poll=100`. */
export function describeFaults(name: BehaviourName, faults: FaultSet): string {
  const list = [...faults].map(([fault, value]) => withValue(fault, value));
  return list.length === 0 ? name : `${name}: ${list.join(", ")}`;
}

/** The text of `--list-faults`: a line for each fault with its default value, and for each behaviour. */
export function listFaults(): string {
  const faults = FAULT_NAMES.map((name) => {
    const { transport, description, default: value } = FAULTS[name];
    return `  ${withValue(name, value).padEnd(24)}${transport.padEnd(5)}${description}`;
  });
  const behaviours = BEHAVIOUR_NAMES.map((name) => `  ${describeFaults(name, faultsOf(name, []))}`);
  return ["Faults:", ...faults, "Behaviours:", ...behaviours].join("\n");
}

function withValue(name: FaultName, value: number): string {
  return FAULTS[name].value === "none" ? name : `${name}=${value}`;
}

function parseFault(text: string): [FaultName, number] {
  const [name = "", value] = text.split(/=(.*)/s, 2);
  if (!isFaultName(name)) {
    throw new FaultError(`unknown fault '${name}'; the faults are ${FAULT_NAMES.join(", ")}`);
  }
  return [name, value === undefined ? FAULTS[name].default : parseValue(name, value)];
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

function parseValue(name: FaultName, text: string): number {
  const { value: kind }: Fault = FAULTS[name];
  if (kind === "none") {
    throw new FaultError(`fault '${name}' takes no value, '${text}' was given`);
  }
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  const { name: expected, least, most, whole } = VALUE_KINDS[kind];
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw new FaultError(`fault '${name}' takes ${expected} from ${least} to ${most}, '${text}' was given`);
  }
  return value;
}
