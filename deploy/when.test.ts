import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { calendarOf, EVERY, parseCron } from "./when.ts";

const CALENDARS: [cron: string, calendar: string][] = [
  [EVERY.hour, "*-*-* *:17:00 UTC"],
  [EVERY.day, "*-*-* 02:17:00 UTC"],
  [EVERY.week, "Sun *-*-* 02:17:00 UTC"],
  ["*/15 8-18 * * 1-5", "Mon,Tue,Wed,Thu,Fri *-*-* 8..18:0/15:00 UTC"],
  ["0 4 1,15 */3 *", "*-1/3-01,15 04:00:00 UTC"],
  ["5 0 * * 0,6,7", "Sun,Sat *-*-* 00:05:00 UTC"],
  ["5 0 * * */2", "Sun,Tue,Thu,Sat *-*-* 00:05:00 UTC"],
  ["10-50/20 * * * *", "*-*-* *:10..50/20:00 UTC"],
];

test("moments of cron are those of systemd", () => {
  for (const [cron, calendar] of CALENDARS) assert.equal(calendarOf(parseCron(cron)), calendar);
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).error === undefined;

test("systemd understands every calendar", {
  skip:
    hasSystemd || process.env.CI
      ? false
      : "systemd-analyze is not installed: the calendars are not checked by systemd",
}, () => {
  for (const [, calendar] of CALENDARS) {
    const { status, stderr } = spawnSync("systemd-analyze", ["calendar", calendar], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  }
});

test("what is no cron expression is refused in one sentence", () => {
  const cases: [string, RegExp][] = [
    ["daily", /it must have five fields/],
    ["60 * * * *", /"60" is no minute; allowed are .* from 0 to 59$/],
    ["* * 0 * *", /"0" is no day of the month/],
    ["5-1 * * * *", /"5-1" is no minute/],
    ["*/0 * * * *", /no minute/],
    ["1/5 * * * *", /no minute/],
    ["* * * JAN *", /"JAN" is no month/],
    ["0 0 1 * 1", /give one of them$/],
    ["0 0 * * $(x)", /no day of the week/],
  ];
  for (const [cron, message] of cases) assert.throws(() => parseCron(cron), { message });
});
