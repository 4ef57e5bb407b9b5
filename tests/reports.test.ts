import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { summaryOf } from "../cli/results.ts";
import { writeComparison } from "../cli/write-comparison.ts";
import { sampleRecord, sampleTest } from "../record/testing.ts";
import { framed } from "../reports/foreign.ts";
import { historyView, indexView } from "../reports/history.ts";
import { renderHistory, renderIndex } from "../reports/history-html.ts";
import { renderRun } from "../reports/html.ts";
import { listen } from "./front.ts";
import { RECORDS, realRecord } from "./records.ts";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"];
const skip = existsSync(CHROMIUM)
  ? false
  : `no browser at ${CHROMIUM}: apt-get install chromium, or set CHROMIUM`;

/** Writes every kind of report and gives the path of each. */
function writeReports(directory: string): Record<string, string> {
  const pages: Record<string, string> = {};
  const save = (name: string, html: string) => {
    pages[name] = join(directory, `${name}.html`);
    writeFileSync(pages[name], html);
  };
  for (const [kind, one] of Object.entries(RECORDS)) save(kind, renderRun(one));
  const sides = ["missed", "met"].map((kind) => ({
    label: kind,
    records: [realRecord(kind)],
    reports: [`../${kind}.html`],
    calibration: { p50: 0.4, p95: 1.7 },
  }));
  writeComparison(join(directory, "comparison"), sides, { hasColours: false });
  pages.comparison = join(directory, "comparison", "report.html");
  const runs = Object.values(RECORDS).map((one) => summaryOf(one, directory));
  const unreadable = [{ name: "half", reason: "it is not JSON, or only a part of it" }];
  save("history", renderHistory(historyView(runs, unreadable, "")));
  save("index", renderIndex(indexView(runs, [], unreadable)));
  return pages;
}

/** Opens a page, and collects what the browser complains of. */
async function open(browser: Browser, path: string, width: number, scheme: "light" | "dark") {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(`file://${path}`);
  return { page, complaints };
}

const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate("axe.run().then(({ violations }) => violations)");
  return (found as axe.Result[]).map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ html }) => html)
        .join(" ")
        .slice(0, 300)}`,
  );
}

describe("reports in a browser", { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), "plan-load-"));
  const pages = writeReports(directory);
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  });
  after(async () => {
    await browser.close();
    rmSync(directory, { recursive: true });
  });

  for (const [kind, path] of Object.entries(pages)) {
    test(`${kind}: no complaint, no sideways scroll, accessible, in light and dark, wide and narrow`, async () => {
      for (const [width, scheme] of [
        [1440, "light"],
        [390, "dark"],
      ] as const) {
        const { page, complaints } = await open(browser, path, width, scheme);
        assert.equal(await overflow(page), 0, `${width} px`);
        assert.deepEqual(await violations(page), [], scheme);
        assert.deepEqual(complaints, []);
        await page.close();
      }
    });

    test(`${kind}: has a policy by which nothing runs, and nothing that would`, async () => {
      const { page } = await open(browser, path, 1440, "light");
      const policy = page.locator('head meta[http-equiv="Content-Security-Policy"]');
      assert.match(
        (await policy.getAttribute("content")) ?? "",
        /^default-src 'none'; style-src 'unsafe-inline'; img-src data:$/,
      );
      assert.equal(await page.locator("script, iframe, object, embed, base, form, link").count(), 0);
      await page.close();
    });

    test(`${kind}: fits on A4`, async () => {
      const { page } = await open(browser, path, 688, "light");
      await page.emulateMedia({ media: "print" });
      assert.equal(await overflow(page), 0);
      await page.close();
    });
  }

  test("the charts show what the record says", async () => {
    const { samples } = realRecord("endurance");
    const { page } = await open(browser, pages.endurance ?? "", 1440, "light");
    const drawn = await readChart(page, "Memory of the server");
    const mebibytes = samples.kept.map(({ residentBytes }) => (residentBytes ?? 0) / 2 ** 20);
    const seconds = samples.kept.map(({ at }) => (at - (samples.kept[0]?.at ?? 0)) / 1_000);
    assert.equal(drawn.length, mebibytes.length);
    drawn.forEach(([x, y], i) => {
      assert.ok(Math.abs(x - (seconds[i] ?? 0)) < 0.5, `${x} s is ${seconds[i]}`);
      assert.ok(Math.abs(y - (mebibytes[i] ?? 0)) < 0.5, `${y} MiB is ${mebibytes[i]}`);
    });
    await page.close();
  });

  test("a server's own HTML is shown, and runs, loads and leads nowhere", async (t) => {
    const visitors: string[] = [];
    const counting = createServer(({ url = "" }, response) => {
      visitors.push(url);
      response.end();
    });
    const away = `http://127.0.0.1:${await listen(t, counting)}/away`;
    const evil = `<!doctype html><html><head><base href="${away}"><meta http-equiv="refresh" content="0;url=${away}">
      <script>top.document.title = "owned"; document.title = "owned"</script><script src="${away}.js"></script>
      <link rel="stylesheet" href="${away}.css"></head><body onload="document.body.textContent = 'owned'">
      <p title='&quot;"'>As it was &amp; is</p><img src="${away}.png" onerror="document.body.textContent = 'owned'">
      <iframe src="${away}"></iframe><iframe srcdoc="<script>top.location = '${away}'</script>"></iframe>
      </iframe>"><script>document.title = "owned"</script></body></html>`;
    const path = join(directory, "framed.html");
    writeFileSync(path, framed(evil, `Of "a" & <b>`));
    const { page } = await open(browser, path, 390, "light");
    const frame = page.frameLocator("iframe");
    assert.equal(await frame.locator("p").textContent(), "As it was & is");
    await page.waitForLoadState("networkidle");
    assert.equal(await frame.locator("p").textContent(), "As it was & is");
    assert.equal(await page.title(), `Of "a" & <b>`);
    assert.equal(page.url(), `file://${path}`);
    assert.deepEqual(visitors, []);
    await page.close();
  });

  test("text from outside is text: markup, quotes, marks of direction, a megabyte", async () => {
    const evil = `<img src=x onerror=alert(1)><script>document.title="owned"</script>"'\`&amp;\u202eright to left\u2066`;
    const hostile = sampleRecord({
      release: evil,
      findings: [evil, "m".repeat(2 ** 20), "a ".repeat(2 ** 19)],
      command: evil,
      tests: [sampleTest({ name: evil, findings: [evil] })],
      failedRequests: {
        seen: 1,
        kept: [{ test: evil, at: 0, call: evil, status: 500, durationMs: 1, answer: evil }],
      },
    });
    const path = join(directory, "hostile.html");
    writeFileSync(path, renderRun(hostile));
    const { page, complaints } = await open(browser, path, 390, "light");
    assert.deepEqual(complaints, []);
    assert.equal(await overflow(page), 0);
    assert.equal(await page.locator("img, script").count(), 0);
    assert.ok((await page.title()).includes("<script>"));
    assert.ok((await page.locator("li", { hasText: "right to left" }).allTextContents()).includes(evil));
    await page.close();
  });
});

/** The points of a line as a reader would find them between the ticks of its axes. */
async function readChart(page: Page, title: string): Promise<[number, number][]> {
  const svg = page
    .locator("figure", { has: page.locator(`figcaption:text-is("${title}")`) })
    .locator("svg[role=img]");
  const path = (await svg.locator("path.series-1").getAttribute("d")) ?? "";
  const ticks = await svg.locator("text.tick").evaluateAll((texts) =>
    texts.map((text) => ({
      x: Number(text.getAttribute("x")),
      y: Number(text.getAttribute("y")),
      value: Number(text.textContent),
      isOfY: text.getAttribute("text-anchor") === "end",
    })),
  );
  const axis = (name: "x" | "y") => {
    const mine = ticks.filter(({ isOfY }) => isOfY === (name === "y"));
    const [first, last] = [mine[0] ?? assert.fail("no tick"), mine.at(-1) ?? assert.fail("no tick")];
    return (at: number) =>
      first.value + ((at - first[name]) / (last[name] - first[name])) * (last.value - first.value);
  };
  const [x, y] = [axis("x"), axis("y")];
  return [...path.matchAll(/[ML]([\d.]+),([\d.]+)/g)].map(([, px, py]) => [x(Number(px)), y(Number(py))]);
}
