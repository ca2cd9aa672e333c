import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  HOSTILE,
  noSidewaysScroll,
  openConversation,
  sceneTest,
  texts,
  until,
} from "./page_harness.ts";

sceneTest("shows hostile texts as texts", async ({ alice, bob, page }) => {
  await page.evaluate(() => {
    Reflect.set(globalThis, "refused", []);
    addEventListener("securitypolicyviolation", (event) => {
      Reflect.get(globalThis, "refused").push(event.blockedURI + event.violatedDirective);
    });
  });
  for (const [at, text] of HOSTILE.entries()) {
    await bob.send(alice.pk, text, at % 3 ? {} : { reply_to: text });
  }
  await alice.post("contacts", { pk: bob.pk, name: "<img src=x onerror=alert(1)>\u202Eevil" });
  await openConversation(page, bob.pk);
  await until(async () => (await texts(page)).length === HOSTILE.length);
  const shown = await texts(page);
  for (const [at, text] of HOSTILE.entries()) {
    const expected = text.includes("skychat_") && !text.includes("__proto__") ? undefined : text;
    if (expected !== undefined) strictEqual(shown[at], expected);
  }
  ok(shown.includes("<b>r</b>") && shown.includes("<b>f</b>"));
  const foreign =
    "#messages :is(script, img, iframe, svg, style, base, form, input, meta, b, i, u, plaintext)";
  strictEqual(await page.locator(foreign).count(), 0);
  strictEqual(await page.locator("#messages a").count(), 1, "the one address that is valid");
  deepStrictEqual(await page.evaluate(() => Reflect.get(globalThis, "refused")), []);
  strictEqual(await page.evaluate(() => Reflect.get({}, "polluted")), undefined);
  await noSidewaysScroll(page);
  await page.reload();
  await until(async () => (await texts(page)).length === HOSTILE.length);
  deepStrictEqual(await texts(page), shown);
});

sceneTest(
  "makes addresses of the web into links that tell nobody where one comes from",
  async (scene) => {
    const { alice, bob, page } = scene;
    await bob.send(
      alice.pk,
      "see (https://example.org/a?b=c#d), or HTTP://EXAMPLE.ORG. ftp://example.org",
    );
    await openConversation(page, bob.pk);
    const links = page.locator(".message a");
    await links.first().waitFor();
    strictEqual(await links.count(), 2);
    strictEqual(await links.first().getAttribute("href"), "https://example.org/a?b=c#d");
    for (const link of await links.all()) {
      strictEqual(await link.getAttribute("rel"), "noopener noreferrer");
      strictEqual(await link.getAttribute("target"), "_blank");
    }
  },
);

sceneTest("stays inside a phone, whatever is written", async ({ alice, bob, page }) => {
  await bob.send(alice.pk, "x".repeat(60_000));
  await bob.send(alice.pk, "\n".repeat(5_000) + "end");
  await alice.send(bob.pk, "W".repeat(500));
  for (const text of HOSTILE) await bob.send(alice.pk, text);
  await alice.post("contacts", { pk: bob.pk, name: "W".repeat(40) });
  await page.reload();
  await page.locator("#conversations .line").waitFor();
  await noSidewaysScroll(page);
  await openConversation(page, bob.pk);
  await until(async () => (await texts(page)).length === HOSTILE.length + 3);
  await noSidewaysScroll(page);
  strictEqual(await page.locator("#side").isVisible(), false);
  await page.locator(".show-all").first().click();
  await noSidewaysScroll(page);
  await page.goBack();
  await page.locator("#side").waitFor();
}, { context: { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true } });

sceneTest(
  "stays quick with a thousand messages, and keeps few of them on the page",
  async (scene) => {
    const { alice, bob, page } = scene;
    const messages = Array.from({ length: 1_000 }, (_, at) => ({
      peer: bob.pk,
      from: bob.pk,
      outgoing: false,
      text: `message ${at}`,
      timestamp: new Date(Date.now() - (2_000 - at) * 60_000).toISOString(),
      id: at.toString(16).padStart(16, "0"),
    }));
    await alice.post("import", { format: "skychat-archive", version: 1, messages });
    await page.reload();
    const whole = page.waitForResponse((reply) => reply.url().includes("/history?peer="));
    const start = performance.now();
    await openConversation(page, bob.pk);
    await page.locator(".message", { hasText: "message 999" }).waitFor();
    ok(performance.now() - start < 3_000, "opened in time");
    ok(await page.locator(".message").count() <= 400);
    await whole;
    const before = await page.locator(".message").count();
    await page.locator("#older").click();
    await until(async () => await page.locator(".message").count() === before + 100);
    await page.locator("#newest").click();
    for (let at = 0; at < 600; at++) await bob.send(alice.pk, `burst ${at}`);
    await page.locator(".message", { hasText: "burst 599" }).waitFor();
    await until(async () => await page.locator(".message").count() <= 400);
  },
  { flags: ["--persist", "--persist-per-peer-cap", "2000"] },
);
