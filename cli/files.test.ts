import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isTemporary, readRecord, saveFile } from "./files.ts";

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("a file is there whole, in a directory that is made for it, and nothing beside it", (t) => {
  const directory = join(temporaryDirectory(t), "a", "b");
  for (const content of ["long content", "", "ж"]) {
    saveFile(directory, "x.json", content);
    assert.equal(readFileSync(join(directory, "x.json"), "utf8"), content);
  }
  assert.deepEqual(readdirSync(directory), ["x.json"]);
});

test("what cannot be written leaves the old file, and nothing beside it", (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "x.json"));
  writeFileSync(join(directory, "file"), "old");
  assert.throws(() => saveFile(directory, "x.json", "new"), { code: "EISDIR" });
  assert.throws(() => saveFile(join(directory, "file"), "y", "new"), {
    code: "EEXIST",
    path: join(directory, "file"),
  });
  assert.deepEqual(readdirSync(directory).sort(), ["file", "x.json"]);
  assert.equal(readFileSync(join(directory, "file"), "utf8"), "old");
});

test("a directory that cannot be made is told of, and not tried for ever", async () => {
  const program = `import { saveFile } from "./cli/files.ts"; saveFile("/proc/x/y", "z", "");`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 20_000 });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  assert.match(said, /ENOENT.*mkdir '\/proc\/x'/);
});

test("two writers of one file at once are both right: it is one's or the other's, whole", async (t) => {
  const directory = temporaryDirectory(t);
  const writer = (letter: string) =>
    `import { saveFile } from "./cli/files.ts";
     for (let i = 0; i < 100; i++) saveFile(${JSON.stringify(directory)}, "x", "${letter}".repeat(100_000));`;
  const codes = ["a", "b"].map(async (letter) => {
    const args = ["--import", "tsx", "--input-type=module", "--eval", writer(letter)];
    const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "close");
    return code;
  });
  assert.deepEqual(await Promise.all(codes), [0, 0]);
  assert.match(readFileSync(join(directory, "x"), "utf8"), /^(a{100000}|b{100000})$/);
  assert.deepEqual(readdirSync(directory), ["x"]);
});

test("a record that is a pipe is not waited for", (t) => {
  const directory = temporaryDirectory(t);
  execFileSync("mkfifo", [join(directory, "run.json")]);
  assert.throws(() => readRecord(directory), /run\.json is no file/);
});

test("what a killed writer leaves is known by its name", () => {
  assert.deepEqual([".run.json.123.tmp", ".x.tmp", "run.json", "x.tmp", ".env"].map(isTemporary), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
