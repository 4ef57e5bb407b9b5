import assert from "node:assert/strict";
import { test } from "node:test";
import { givenVariables, refuseShownSecrets, shownCommand } from "./command.ts";

test("a command tells our settings, and no secrets", () => {
  const cases = [
    ["k6 run -e TRANSPORT=ws dist/suite.js", "k6 run -e TRANSPORT=ws dist/suite.js"],
    ["k6 run -e TOKEN=abc -e SEED=2 x.js", "k6 run -e TOKEN=*** -e SEED=2 x.js"],
    ["k6 run --env=TOKEN=abc x.js", "k6 run --env=TOKEN=*** x.js"],
    ["k6 run -e 'TOKEN=a '\\''secret' -e SEED=2 x.js", "k6 run -e TOKEN=*** -e SEED=2 x.js"],
    ["k6 run -e 'OUT_DIR=my results' x.js", "k6 run -e 'OUT_DIR=my results' x.js"],
    ["k6 run -eTOKEN=abc x.js", "k6 run -eTOKEN=*** x.js"],
    ["k6 run -qe TOKEN=abc x.js", "k6 run -qe TOKEN=*** x.js"],
    ["k6 run -e API_TOKEN=abc x.js", "k6 run -e API_TOKEN=*** x.js"],
    ["k6 run -o influxdb=http://db/k6?token=abc x.js", "k6 run -o influxdb=http://db/k6?*** x.js"],
    ["k6 run -o influxdb=http://me:word@db/k6 x.js", "k6 run -o influxdb=http://***@db/k6 x.js"],
  ];
  for (const [command = "", shown] of cases) assert.equal(shownCommand(command), shown);
});

test("a command with one of our secrets is refused, without it", () => {
  for (const flag of [
    "-e API_TOKEN=abc",
    "--env=API_HEADERS=X:abc",
    "-eAPI_TOKEN=abc",
    "-qe API_TOKEN=abc",
    "-e 'API_HEADERS=X: abc'",
  ]) {
    assert.throws(
      () => refuseShownSecrets(givenVariables(`k6 run ${flag} x.js`)),
      ({ message }: Error) =>
        /^API_(TOKEN|HEADERS) is in the command line/.test(message) && !message.includes("abc"),
    );
  }
  refuseShownSecrets(givenVariables("k6 run -e RELEASE=API_TOKEN=1 -e SEED=1 x.js"));
});
