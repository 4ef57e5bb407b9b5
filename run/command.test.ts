import assert from "node:assert/strict";
import { test } from "node:test";
import { shownCommand } from "./command.ts";

test("a command tells our settings, and no secrets", () => {
  const cases = [
    ["k6 run -e TRANSPORT=ws dist/suite.js", "k6 run -e TRANSPORT=ws dist/suite.js"],
    ["k6 run -e TOKEN=abc -e SEED=2 x.js", "k6 run -e TOKEN=*** -e SEED=2 x.js"],
    ["k6 run --env=TOKEN=abc x.js", "k6 run --env=TOKEN=*** x.js"],
    ["k6 run -e 'TOKEN=a '\\''secret' -e SEED=2 x.js", "k6 run -e TOKEN=*** -e SEED=2 x.js"],
    ["k6 run -e 'OUT_DIR=my results' x.js", "k6 run -e 'OUT_DIR=my results' x.js"],
    ["k6 run -o influxdb=http://me:word@db/k6 x.js", "k6 run -o influxdb=http://***@db/k6 x.js"],
  ];
  for (const [command = "", shown] of cases) assert.equal(shownCommand(command), shown);
});
