// Stops a server of each fault while it has plans and streams, one after the other, and tells the parent; after the
// last, nothing but a handle that a fault has left keeps this process alive.
import { FAULT_NAMES } from "./faults.ts";
import { type TestServer, testServer } from "./testing.ts";

async function use(server: TestServer): Promise<void> {
  await server.remove(await server.create("[stub lines=1 rate=0.01]"));
  const id = await server.create("[stub lines=1000 rate=100]");
  const [sse] = await Promise.all([server.sse(id), server.ws(id)]);
  await sse.messages(1);
}

for (const fault of FAULT_NAMES) {
  const server = await testServer({ after: () => {} }, { faults: [fault] });
  // a server that crashes cannot be used
  await use(server).catch(() => {});
  await server.stop();
  process.send?.(fault);
}
