import { clearInterval, setInterval } from "k6/timers";
import type { PlanApi } from "../client/api.ts";
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

/** Once a second until `isOver`: sends the test's live series, has the server probed, and notes how late k6 itself is. */
export async function everySecond(
  meter: Meter,
  isOver: () => boolean,
  probe: () => Promise<void>,
): Promise<void> {
  const live = new Live(meter.test);
  while (!isOver()) {
    const dueAt = recorder.now() + PERIOD_MS;
    live.send();
    await probe();
    meter.takeLag();
    await sleep(Math.max(0, dueAt - recorder.now()));
  }
}

/** Asks /health beside the load, and this process how late it is. A stall is a finding of the test. */
export class HealthProbe {
  private readonly timer = new OwnTimer();
  private awaySince: number | undefined;

  constructor(
    private readonly api: PlanApi,
    private readonly meter: Meter,
  ) {}

  async ask(): Promise<void> {
    this.timer.reset();
    const { at, durationMs, status } = await this.api.health();
    setGauge("health_seconds", durationMs / 1_000, { test: WHOLE_RUN_LABEL });
    const isPrompt = status === 200 && durationMs <= STALL_MS;
    if (isPrompt || this.timer.worstDelay() <= LATE_MS) {
      judgeProbe(this.meter, isPrompt, { at, durationMs, status });
    } else this.meter.count("probesNotJudged");
    this.noteAbsence(at, status);
  }

  stop(): void {
    this.timer.stop();
  }

  private noteAbsence(at: number, status: number): void {
    if (status !== 200) this.awaySince ??= at;
    else if (this.awaySince !== undefined) {
      const text = `the server answered again after ${Math.round(recorder.now() - this.awaySince)} ms`;
      this.meter.add("findings", { text });
      this.awaySince = undefined;
    }
  }
}

function judgeProbe(
  meter: Meter,
  isPrompt: boolean,
  probe: { at: number; durationMs: number; status: number },
): void {
  meter.count("probes");
  meter.count("prompt", isPrompt ? 1 : 0);
  sample("responsiveness", isPrompt ? 1 : 0);
  if (!isPrompt) meter.add("stalls", probe, probe.durationMs);
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
