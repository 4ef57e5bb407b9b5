import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { testServer, WsClient } from "./testing.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function program(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const main = new URL("main.ts", import.meta.url);
  const child = fork(main, args, { execArgv: ["--import", "tsx"], silent: true });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

async function listening(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, "message")) as [{ listening: number }];
  return message.listening;
}

const WRONG: readonly (readonly [args: string[], message: RegExp])[] = [
  [["--colour"], /^error: unknown option '--colour'\n$/],
  [["extra"], /^error: too many arguments.*\n$/],
  [
    ["--behaviour", "sick"],
    /^error: option '--behaviour <name>' argument 'sick' is invalid\. Allowed choices .*\n$/,
  ],
  [["--fault", "x"], /^error: unknown fault 'x'; the faults are .*\n$/],
  [["--fault", "sse-poll=soon"], /^error: fault 'sse-poll' takes whole milliseconds .*\n$/],
  [["--port", "x"], /^error: option '--port <n>' argument 'x' is invalid\. It must be a whole number .*\n$/],
  [["--host", ""], /^error: option '--host <name>' argument '' is invalid\. It must be a name or .*\n$/],
  [["--rate", "0"], /^error: option '--rate <n>' argument '0' is invalid\. It must be a number .*\n$/],
];

test("what is wrong on the command line is said in one sentence, with exit code 1", {
  concurrency: true,
}, async (t) => {
  const runs = WRONG.map(async ([args, message]) => {
    const { code, stderr, stdout } = await program(...args).ended;
    assert.match(stderr, message);
    assert.deepEqual([code, stdout], [1, ""]);
  });
  await Promise.all(runs);
  const { port } = await testServer(t);
  const { code, stderr } = await program("--port", String(port)).ended;
  assert.deepEqual([code, stderr], [1, `error: port ${port} of 127.0.0.1 is in use\n`]);
});

test("--list-faults prints the table and ends", async () => {
  const { code, stdout } = await program("--list-faults").ended;
  assert.equal(code, 0);
  assert.match(stdout, /ws-orphan=0\.06 +ws/);
});

test("the options reach the server, and SIGTERM closes WebSockets with 1012 and exits with 0", async () => {
  const { child, ended } = program(
    ..."--port 0 --behaviour ws-2025-10 --fault ws-orphan=0 --lines 500 --rate 100 --exit 1 --seed 3 --restart-ms 5 --no-metrics".split(
      " ",
    ),
  );
  const port = await listening(child);
  const url = `http://127.0.0.1:${port}`;
  const health = (await (await fetch(`${url}/health`)).json()) as { behaviour: string };
  assert.equal(
    health.behaviour,
    "ws-2025-10: ws-orphan=0, ws-no-replay, ws-silent-stream, ws-pool=30000, ws-delete-500=0.05, ws-thin-report=0.036, ws-step=100, list-newest=100, status-lag=15",
  );
  assert.equal((await fetch(`${url}/metrics`)).status, 404);
  const body = '{"prompt":"Bakery","llm_model":"simulated-fast"}';
  const plan = (await (await fetch(`${url}/api/plans`, { method: "POST", body })).json()) as {
    plan_id: string;
  };
  const client = await WsClient.open(`ws://127.0.0.1:${port}/ws/plans/${plan.plan_id}/progress`);
  await client.messages(2);
  child.kill("SIGTERM");
  assert.equal(await client.closed, 1012);
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.split("\n").length, 2);
});

test("the program ends when the parent's channel is gone", async () => {
  const { child } = program("--port", "0");
  await listening(child);
  child.disconnect();
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("by default it listens on loopback, and nowhere else", async (t) => {
  const { port } = await testServer(t);
  await fetch(`http://127.0.0.1:${port}/health`);
  await assert.rejects(fetch(`http://127.0.0.2:${port}/health`), ({ cause }: Error) => {
    assert.equal((cause as { code: string }).code, "ECONNREFUSED");
    return true;
  });
});

test("a connection beyond as many as it takes is closed", async (t) => {
  const { port } = await testServer(t, { maxConnections: 2 });
  const open = () => connect(port, "127.0.0.1").on("error", () => {});
  const sockets = [open(), open()];
  t.after(() => sockets.map((socket) => socket.destroy()));
  for (const socket of sockets) {
    socket.write("GET /health HTTP/1.1\r\nhost: me\r\n\r\n");
    assert.match(String(await once(socket, "data")), /200 OK/);
  }
  await once(open().resume(), "close");
});

test("--memory is held from the start, and resident", { skip: process.platform !== "linux" }, async () => {
  const resident = async (mib: number) => {
    const { child, ended } = program("--port", "0", "--memory", String(mib));
    const text = await (await fetch(`http://127.0.0.1:${await listening(child)}/metrics`)).text();
    child.kill();
    await ended;
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1024 ** 2;
  };
  const [none, much] = await Promise.all([resident(0), resident(512)]);
  assert.ok(much - none > 400, `${none} and ${much} MiB`);
});
