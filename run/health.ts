import { clearInterval, setInterval } from "k6/timers";
import type { Answer, PlanApi } from "../client/api.ts";
import { recorder } from "../client/extension.ts";
import { sleep } from "../client/time.ts";
import { STALL_MS } from "../thresholds/targets.ts";
import { Live } from "./live.ts";
import type { Meter } from "./meter.ts";
import { sample, setGauge } from "./metrics.ts";
import { WHOLE_RUN_LABEL } from "./series.ts";

const PERIOD_MS = 1_000;
/** Where a timer of the probe's own came later than this, a slow answer says nothing of the server. */
const LATE_MS = 100;
const TICK_MS = 50;

/** How long something beside a test goes on. */
export interface Span {
  /** Whether the test is over. */
  isOver(): boolean;
  /** Resolves as soon as it is. */
  over: Promise<unknown>;
}

/** Once a second as long as the test lasts: sends its live series, has the server probed, and notes how late k6 itself is. */
export async function everySecond(
  meter: Meter,
  { isOver, over }: Span,
  probe: () => Promise<void>,
): Promise<void> {
  const live = new Live(meter.test);
  while (!isOver()) {
    const dueAt = recorder.now() + PERIOD_MS;
    live.send();
    await probe();
    meter.takeLag();
    await Promise.race([sleep(Math.max(0, dueAt - recorder.now())), over]);
  }
}

/** What is known of a probe of /health; milliseconds. */
export type Probe = Pick<Answer<unknown>, "at" | "durationMs" | "status">;

/** Whether /health answered well, and in time. */
export const isPrompt = ({ status, durationMs }: Probe): boolean => status === 200 && durationMs <= STALL_MS;

/** Asks /health beside the load, and this process how late it is. From a probe that is not prompt to the next that is, is one stall. */
export class HealthProbe {
  private readonly timer = new OwnTimer();
  private stall: { at: number; status: number; probes: number; answeredAt: number | undefined } | undefined;

  constructor(
    private readonly api: PlanApi,
    private readonly meter: Meter,
  ) {}

  async ask(): Promise<void> {
    this.timer.reset();
    const probe = await this.api.health();
    setGauge("health_seconds", probe.durationMs / 1_000, { test: WHOLE_RUN_LABEL });
    if (isPrompt(probe) || this.timer.worstDelay() <= LATE_MS) this.judge(probe);
    else this.meter.count("probesNotJudged");
  }

  /** Ends what goes on. `answeredAt` is when /health answered after the test, in milliseconds since the epoch, if it did. */
  stop(answeredAt: number | undefined): void {
    this.timer.stop();
    this.endStall(answeredAt ?? recorder.now());
  }

  private judge(probe: Probe): void {
    const { at, durationMs, status } = probe;
    this.meter.count("probes");
    this.meter.count("prompt", isPrompt(probe) ? 1 : 0);
    sample("responsiveness", isPrompt(probe) ? 1 : 0);
    const endedAt = at + durationMs;
    if (isPrompt(probe)) {
      this.endStall(endedAt);
      return;
    }
    const before = this.stall ?? { at, probes: 0 };
    const answeredAt = status === 200 ? endedAt : undefined;
    this.stall = { at: before.at, status, probes: before.probes + 1, answeredAt };
  }

  /** A slow answer ended the stall with it; where none came, what answered next did. */
  private endStall(otherwise: number): void {
    if (this.stall === undefined) return;
    const { at, status, probes, answeredAt = otherwise } = this.stall;
    const durationMs = answeredAt - at;
    this.meter.add("stalls", { at, durationMs, status, probes }, durationMs);
    this.stall = undefined;
  }
}

/** Measures how late the timers of this virtual user are. */
class OwnTimer {
  private last = recorder.now();
  private worst = 0;
  private readonly interval = setInterval(() => {
    this.note();
    this.last = recorder.now();
  }, TICK_MS);

  reset(): void {
    this.worst = 0;
    this.last = recorder.now();
  }

  worstDelay(): number {
    this.note();
    return this.worst;
  }

  stop(): void {
    clearInterval(this.interval);
  }

  private note(): void {
    this.worst = Math.max(this.worst, recorder.now() - this.last - TICK_MS);
  }
}
