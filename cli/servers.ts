import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("../dist/server.mjs", import.meta.url));
const STOP_MS = 5_000;

/** A reference server that this program started. */
export interface RunningServer {
  url: string;
  pid: number | undefined;
  /** Ends the server and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a reference server with `args` (see `npm run server -- --help`) on a free loopback port, in a process group of its own: an interrupt from the terminal
 * reaches the load first, the server last.
 * @throws Error with one sentence when it does not start
 */
export async function startServer(args: readonly string[]): Promise<RunningServer> {
  const child = spawn(process.execPath, [SERVER, "--port", "0", ...args], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const port = await Promise.race([listening(child), once(child, "exit").then(() => undefined)]);
  if (port === undefined)
    throw new Error(`the reference server (${args.join(" ")}) did not start: ${complaint.trim()}`);
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, stop: () => stop(child) };
}

async function listening(child: ChildProcess): Promise<number> {
  const [message] = await once(child, "message");
  return (message as { listening: number }).listening;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(killer);
}
