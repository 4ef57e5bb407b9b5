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

/**
 * Asks /health once a second beside the load, until `isOver`, and this process how late it is. A stall is a finding of
 * the test. Sends the test's live series with it.
 */
export async function probeHealth(api: PlanApi, meter: Meter, isOver: () => boolean): Promise<void> {
  const timer = new OwnTimer();
  const live = new Live(meter.test);
  let awaySince: number | undefined;
  while (!isOver()) {
    timer.reset();
    live.send();
    const { at, durationMs, status } = await api.health();
    setGauge("health_seconds", durationMs / 1_000, { test: WHOLE_RUN_LABEL });
    const isPrompt = status === 200 && durationMs <= STALL_MS;
    if (isPrompt || timer.worstDelay() <= LATE_MS) judgeProbe(meter, isPrompt, { at, durationMs, status });
    else meter.count("probesNotJudged");
    if (status !== 200) awaySince ??= at;
    else if (awaySince !== undefined) {
      meter.add("findings", {
        text: `the server answered again after ${Math.round(recorder.now() - awaySince)} ms`,
      });
      awaySince = undefined;
    }
    meter.takeLag();
    await sleep(Math.max(0, PERIOD_MS - durationMs));
  }
  timer.stop();
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
