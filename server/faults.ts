/** Which of the two streams of a plan: Server-Sent Events or WebSocket. */
export type Transport = "sse" | "ws";

interface Fault {
  readonly transport: Transport;
  /** One line for people: what the server does wrong. */
  readonly description: string;
  /** What `=VALUE` means: a probability 0..1, milliseconds, or nothing at all. */
  readonly value: "rate" | "ms" | "none";
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
    description: "A client that leaves removes the plan's queue: the others starve, newcomers are refused",
    value: "none",
    default: 1,
  },
  "sse-endless-stream": {
    transport: "sse",
    description: "The stream of a plan that never started, or is deleted while watched, never ends",
    value: "none",
    default: 1,
  },
  "sse-poll": {
    transport: "sse",
    description: "Each stream looks for messages only once in so many milliseconds",
    value: "ms",
    default: 100,
  },
  "ws-orphan": {
    transport: "ws",
    description: "A client of a running plan gets its connection message and then nothing, at this rate",
    value: "rate",
    default: 0.1667,
  },
  "ws-no-replay": {
    transport: "ws",
    description: "A client gets only what is sent after it connected",
    value: "none",
    default: 1,
  },
  "ws-silent-stream": {
    transport: "ws",
    description: "Streams of unknown, finished and deleted plans are accepted and stay silent for ever",
    value: "none",
    default: 1,
  },
} as const satisfies Record<string, Fault>;

/** The name of a fault, as `--fault` takes it. */
export type FaultName = keyof typeof FAULTS;

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
    faults: ["sse-shared-queue", "sse-queue-removed", "sse-endless-stream", "sse-poll"],
  },
  "ws-2025-10": { transports: ["ws"], faults: ["ws-orphan", "ws-no-replay", "ws-silent-stream"] },
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
    if (!behaviour.transports.includes(FAULTS[fault].transport)) {
      throw new FaultError(`fault '${fault}' needs a stream that behaviour '${name}' does not offer`);
    }
    faults.set(fault, value);
  }
  return faults;
}

/** The behaviour and its faults in one line: `healthy`, or `sse-2025-09: sse-shared-queue, sse-poll=100`. */
export function describeFaults(name: BehaviourName, faults: FaultSet): string {
  const list = [...faults].map(([fault, value]) => withValue(fault, value));
  return list.length === 0 ? name : `${name}: ${list.join(", ")}`;
}

/** The text of `--list-faults`: a line for each fault with its default value, and for each behaviour. */
export function listFaults(): string {
  const faults = (Object.keys(FAULTS) as FaultName[]).map((name) => {
    const { transport, description, default: value } = FAULTS[name];
    return `  ${withValue(name, value).padEnd(22)}${transport.padEnd(5)}${description}`;
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
    throw new FaultError(`unknown fault '${name}'; the faults are ${Object.keys(FAULTS).join(", ")}`);
  }
  return [name, value === undefined ? FAULTS[name].default : parseValue(name, value)];
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

function parseValue(name: FaultName, text: string): number {
  const kind: Fault["value"] = FAULTS[name].value;
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (kind === "none") {
    throw new FaultError(`fault '${name}' takes no value, '${text}' was given`);
  }
  if (kind === "rate" && !(value <= 1)) {
    throw new FaultError(`fault '${name}' takes a rate from 0 to 1, '${text}' was given`);
  }
  if (kind === "ms" && !(Number.isInteger(value) && value >= 1 && value <= 600_000)) {
    throw new FaultError(`fault '${name}' takes whole milliseconds from 1 to 600000, '${text}' was given`);
  }
  return value;
}
