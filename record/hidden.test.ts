import assert from "node:assert/strict";
import { test } from "node:test";
import { shownText, shownUrl } from "./hidden.ts";

test("a URL is shown without names, passwords and what it asks for, however it is written", () => {
  const cases = [
    ["http://localhost:8080/api", "http://localhost:8080/api"],
    ["http://me:word@db/k6", "http://***@db/k6"],
    ["http://me:w@o/r?d@db", "http://***@db"],
    ["me:word@db", "***@db"],
    ["http://db/write?token=abc#x", "http://db/write?***"],
    ["http://db/a\n?token=abc", "http://db/a\n?***"],
    ["not a url", "not a url"],
  ];
  for (const [url = "", shown] of cases) assert.equal(shownUrl(url), shown);
});

test("any text is shown on one line, and not the whole of a long one", () => {
  assert.equal(shownText('a "b"\n\u0000\u2028é'), 'a "b"\\u000a\\u0000\\u2028é');
  assert.equal(shownText("x".repeat(1_000)), `${"x".repeat(200)}…`);
});
