import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../record/random.ts";
import { type Micros, now } from "./clock.ts";
import type { Context } from "./context.ts";
import { concerns, type FaultName, type Transport } from "./faults.ts";
import type { PlanEvent, Reader } from "./feed.ts";
import type { Pace } from "./pace.ts";
import type { Plan } from "./plans.ts";

type Events = AsyncGenerator<PlanEvent, void>;

/** What an impairment may ask of the stream that it impairs. */
interface Way {
  /** The value of the fault. */
  readonly value: number;
  /** The stream's own random numbers. */
  readonly random: () => number;
  readonly openedAt: Micros;
  /** Whether the server has little to do. */
  readonly isIdle: () => boolean;
  /** How far each of the plan's streams is. */
  readonly pace: Pace;
}

type Impairment = (events: Events, way: Way) => Events;

/** What faults do to the messages of a stream on their way, in the order in which they do it. */
const IMPAIRMENTS: readonly (readonly [FaultName, Impairment])[] = [
  ["lose", lose],
  ["duplicate", duplicate],
  ["reorder", reorder],
  ["throttle", throttle],
  ["latency", delay],
  ["ws-step", step],
  ["slow-reader-blocks", keepPace],
];

/** An idle server has fewer unfinished plans. */
const BUSY_PLANS = 5;
/** How much of what it was late a throttled stream may make up for. */
const BURST_MS = 20;

/** The reader of a stream with the faults of its way; without such faults, the reader itself. */
export function impair(
  { faults, random, plans }: Context,
  transport: Transport,
  { feed }: Plan,
  reader: Reader,
): Reader {
  const found = IMPAIRMENTS.filter(([fault]) => faults.has(fault) && concerns(fault, transport));
  if (found.length === 0) {
    return reader;
  }
  const way = {
    random: seededRandom(random() * 2 ** 32),
    openedAt: now(),
    isIdle: () => plans.unfinished < BUSY_PLANS,
    pace: feed.pace,
  };
  const impaired = found.reduce(
    (events, [fault, impairment]) => impairment(events, { ...way, value: faults.get(fault) ?? 0 }),
    eventsOf(reader),
  );
  return readerOf(impaired, () => reader.close());
}

async function* eventsOf(reader: Reader): Events {
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    yield event;
  }
}

function readerOf(events: Events, close: () => void): Reader {
  let closed = false;
  return {
    async next() {
      const { value } = await events.next();
      return closed ? undefined : (value ?? undefined);
    },
    close() {
      closed = true;
      close();
      void events.return();
    },
  };
}

async function* lose(events: Events, { value: rate, random }: Way): Events {
  for await (const event of events) {
    if (event.kind !== "log" || random() >= rate) {
      yield event;
    }
  }
}

async function* duplicate(events: Events, { value: rate, random }: Way): Events {
  for await (const event of events) {
    yield event;
    if (event.kind === "log" && random() < rate) {
      yield event;
    }
  }
}

/** A message that is held back waits for the next one, or for the end of the log. */
async function* reorder(events: Events, { value: rate, random }: Way): Events {
  let held: PlanEvent | undefined;
  for await (const event of events) {
    if (held !== undefined) {
      yield* event.kind === "log" ? [event, held] : [held, event];
      held = undefined;
    } else if (event.kind === "log" && random() < rate) {
      held = event;
    } else {
      yield event;
    }
  }
}

async function* throttle(events: Events, { value: rate }: Way): Events {
  let due = 0;
  for await (const event of events) {
    if (event.kind === "log") {
      due = Math.max(due + 1_000_000 / rate, now() - BURST_MS * 1000);
      await until(due);
    }
    yield event;
  }
}

async function* delay(events: Events, { value: ms, openedAt }: Way): Events {
  for await (const event of events) {
    await until(Math.max(event.at, openedAt) + ms * 1000);
    yield event;
  }
}

async function* step(events: Events, { value: ms, random, isIdle }: Way): Events {
  const period = ms * 1000;
  const phase = random() * period;
  for await (const event of events) {
    if (isIdle()) {
      await until(Math.ceil((event.at - phase) / period) * period + phase);
    }
    yield event;
  }
}

/** A stream asks for its next event when its client has room for it: until then it holds up the others. */
async function* keepPace(events: Events, { value: ahead, pace }: Way): Events {
  const place = pace.join();
  try {
    for await (const event of events) {
      await place.advance(ahead);
      yield event;
    }
  } finally {
    place.leave();
  }
}

async function until(due: Micros): Promise<void> {
  const ms = Math.ceil((due - now()) / 1000);
  if (ms > 0) {
    await sleep(ms, undefined, { ref: false });
  }
}

/**
 * cut: destroys a stream some time after it opened.
 * @returns a function to call when the stream has closed
 */
export function cutLater({ faults }: Context, destroy: () => void): () => void {
  const ms = faults.get("cut");
  const timeout = ms === undefined ? undefined : setTimeout(destroy, ms);
  return () => clearTimeout(timeout);
}
