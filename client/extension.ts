import exec from "k6/execution";
import type { EventSource, WebSocketSource } from "k6/x/sse";

declare const require: (name: string) => unknown;

type Recorder = typeof import("k6/x/recorder");
type Sse = { EventSource: typeof EventSource; WebSocketSource: typeof WebSocketSource };

/**
 * Loads a module of our k6. Not a static import: a stock k6 would then answer with a message of its own, or download
 * another extension of the same name.
 */
function load<Module extends object>(name: string, member: keyof Module): Module {
  const module = require(name) as Partial<Module> | undefined;
  if (module?.[member] === undefined) {
    exec.test.abort(
      `this k6 has no module ${name}, or an older one: run the k6 of this project (npm run build makes bin/k6), or build one with xk6-sse`,
    );
  }
  return module as Module;
}

export const sse = load<Sse>("k6/x/sse", "EventSource");
export const recorder = load<Recorder>("k6/x/recorder", "boundAnswers");
