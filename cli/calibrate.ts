import { join } from "node:path";
import { TRANSPORTS, type Transport } from "../record/record.ts";
import { type Calibration, calibrationOf } from "../reports/comparison.ts";
import { DEFAULTS } from "../run/settings.ts";
import { makeId, readRecord } from "./files.ts";
import { INTERRUPTED, runK6 } from "./k6.ts";
import { startServer } from "./servers.ts";

const TEST = "basic-connection";

/** What the instrument and a healthy server add to latency, by transport; null where it could not be measured. */
export type Calibrations = Record<Transport, Calibration | null>;

/**
 * Measures what this instrument makes of a healthy simulated server of its own, over both transports: about ten seconds.
 * The records are kept in `directory`. Undefined when it was interrupted.
 */
export async function calibrate(directory: string): Promise<Calibrations | undefined> {
  const server = await startServer(["--behaviour", "healthy"]);
  const measured: Calibrations = { sse: null, ws: null };
  try {
    for (const transport of TRANSPORTS) {
      const runId = makeId(`${TEST}-calibration-${transport}-smoke`);
      const { code } = await runK6(TEST, settingsOf(server.url, transport, directory, runId), undefined);
      if (code === INTERRUPTED) return undefined;
      const record = readRecord(join(directory, runId));
      if (record !== undefined) measured[transport] = calibrationOf(record);
    }
    return measured;
  } finally {
    await server.stop();
  }
}

function settingsOf(baseUrl: string, transport: Transport, directory: string, runId: string) {
  return {
    ...DEFAULTS,
    BASE_URL: baseUrl,
    TRANSPORT: transport,
    RELEASE: "calibration",
    OUT_DIR: directory,
    RUN_ID: runId,
  };
}
