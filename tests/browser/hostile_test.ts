import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openConversation, sceneTest, texts, until } from "./page_harness.ts";
import type { Page } from "playwright-core";

/** Texts that run, break out or reach out where a page treats them as more than text. */
const HOSTILE: readonly string[] = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)><set onbegin=alert(1)></svg>",
  '"><iframe srcdoc="<script>parent.alert(1)</script>">',
  "<style>*{background:url(http://evil.example/)}</style>",
  "<base href=//evil.example/><form action=//evil.example/><input name=x autofocus onfocus=alert(1)>",
  "<meta http-equiv=refresh content=0;url=//evil.example/>",
  "<a href=javascript:alert(1)>x</a> javascript:alert(1) data:text/html,<script>alert(1)</script>",
  "</li></ol></script></style></title></textarea><plaintext>",
  "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 1 %>",
  "https://user:secret@evil.example/ http://evil.example:99999/ https://",
  "&lt;b&gt; &#0; &amp;",
  "a\u0000b\u2028c\u2029d\r\ne\ndata: f\n\nid: 1",
  "\u202Egnp.exe \u2066\u2067 never closed \u202D\u202B",
  "Z\u0301\u0302\u0303\u0304".padEnd(400, "\u0489\u0334\u0356"),
  "👩‍👩‍👧‍👦🏳️‍🌈".repeat(50),
  "\u0600".repeat(300) + "\u{10FFFF}\u{E0001}",
  JSON.stringify({
    skychat_reply: { text: "<b>r</b>", to_sender: "<i>s</i>", to_preview: "<u>p</u>" },
  }),
  JSON.stringify({
    skychat_forward: { text: "<b>f</b>", from: "\u202E<img src=x onerror=alert(1)>" },
  }),
  '{"__proto__":{"polluted":true},"skychat_forward":{"text":1}}',
];

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

/** Nothing is wider than the page, or than the list it is in. */
async function noSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const scrollable = [...document.querySelectorAll("html, body, #lists, #log, #side, #chat")];
    return scrollable.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.id);
  });
  deepStrictEqual(wide, []);
}
