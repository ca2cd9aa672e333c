import { type App, startApp } from "../support/spawn.ts";
import { deepStrictEqual } from "node:assert/strict";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian and its kin put the browser. */
const CHROMIUM = "/usr/bin/chromium";
/** Secret keys of the two nodes; any two do. */
const SECRETS = ["11".repeat(32), "22".repeat(32)] as const;
/** Longest wait for something to show, in milliseconds. */
const SHOWN_MS = 15_000;

/** Texts that run, break out or reach out where a page treats them as more than text. */
export const HOSTILE: readonly string[] = [
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

/** A node with a web page, that keeps its key, folder and ports over a restart. */
export class WebNode {
  readonly #folder: string;
  readonly #flags: readonly string[];
  #app: App;

  private constructor(app: App, folder: string, flags: readonly string[]) {
    this.#app = app;
    this.#folder = folder;
    this.#flags = flags;
  }

  static async start(flags: readonly string[]): Promise<WebNode> {
    const folder = await Deno.makeTempDir({ prefix: "skychat-browser-" });
    return new WebNode(await startApp(flags, { cwd: folder }), folder, flags);
  }

  get pk(): string {
    return this.#app.pk;
  }

  get url(): string {
    return `http://${this.#app.addr}/`;
  }

  get tcpPeer(): string {
    return `tcp://${this.#app.pk}@${this.#app.tcpAddr}`;
  }

  /** Ends the process; {@link restart} brings it back at the same address. */
  async stop(): Promise<void> {
    await this.#app.stop();
  }

  /** `more` flags are for this start only. */
  async restart(more: readonly string[] = []): Promise<void> {
    const ports = ["--addr", this.#app.addr, ...more];
    if (this.#app.tcpAddr !== "") ports.push("--tcp-listen", this.#app.tcpAddr);
    this.#app = await startApp([...this.#flags, ...ports], { cwd: this.#folder });
  }

  /** Sends a message as a command-line client would; fails unless it was taken. */
  async send(recipient: string, message: string, more: object = {}): Promise<string> {
    const reply = await this.post("message", { recipient, message, receipts: true, ...more });
    return (await reply.json()).id;
  }

  async post(path: string, body: object): Promise<Response> {
    const reply = await fetch(this.url + path, { method: "POST", body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply;
  }

  // deno-lint-ignore no-explicit-any -- the answers are whatever JSON the routes give
  async get(path: string): Promise<any> {
    const reply = await fetch(this.url + path);
    return await reply.json();
  }

  async delete(path: string): Promise<void> {
    const reply = await fetch(this.url + path, { method: "DELETE" });
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
  }

  async end(): Promise<void> {
    await this.#app.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Alice, whose page is looked at, and Bob, linked to her. */
export interface Scene {
  readonly alice: WebNode;
  readonly bob: WebNode;
  readonly page: Page;
  /** Another page of Alice's, in a browser that knows nothing yet. */
  another(options?: BrowserContextOptions): Promise<Page>;
  /** The page of Bob. */
  bobsPage(options?: BrowserContextOptions): Promise<Page>;
}

/** How a scene is set. */
export interface SceneOptions {
  /** Flags for both nodes; history is on unless they are given. */
  readonly flags?: readonly string[];
  readonly context?: BrowserContextOptions;
}

const hasBrowser = await Deno.stat(CHROMIUM).then(() => true, () => false);

/** A test that plays one scene in a browser. Ignored, and called so, where there is none. */
export function sceneTest(
  name: string,
  play: (scene: Scene) => Promise<void>,
  options: SceneOptions = {},
): void {
  const missing = hasBrowser ? "" : ` (ignored: ${CHROMIUM} is not installed)`;
  Deno.test({
    name: `page ${name}${missing}`,
    ignore: !hasBrowser,
    // The driver of the browser keeps a process of its own until the end.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => perform(play, options),
  });
}

async function perform(
  play: (scene: Scene) => Promise<void>,
  { flags = ["--persist"], context = {} }: SceneOptions,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const rate = ["--persist-per-peer-rate", "0"];
  const alice = await WebNode.start(
    [...flags, ...rate, "--sk", SECRETS[0], "--tcp-listen", "127.0.0.1:0"],
  );
  stack.defer(() => alice.end());
  const bob = await WebNode.start([
    ...flags,
    ...rate,
    "--sk",
    SECRETS[1],
    "--tcp-peer",
    alice.tcpPeer,
  ]);
  stack.defer(() => bob.end());
  await until(async () => (await alice.get("status")).peers.includes(bob.pk));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"],
  });
  stack.defer(() => browser.close());
  const problems: string[] = [];
  const another = (given: BrowserContextOptions = {}) =>
    openPage(browser, alice.url, given, problems);
  const bobsPage = (given: BrowserContextOptions = {}) =>
    openPage(browser, bob.url, given, problems);
  await play({ alice, bob, page: await another(context), another, bobsPage });
  if (problems.length > 0) throw new Error(`The page had problems:\n${problems.join("\n")}`);
}

/** Opens the page and notes whatever a browser complains about, and whom it asks. */
async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  problems: string[],
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(SHOWN_MS);
  page.on("pageerror", (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`a script opened a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // A node that is away, or refuses a message, is what some scenes are about.
    const expected =
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|status of (400|403|409)/;
    if (message.type() === "error" && !expected.test(message.text())) {
      problems.push(`console: ${message.text()}`);
    }
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) problems.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  await page.locator('#state[data-state="live"]').waitFor();
  return page;
}

/** Waits until something holds, looking again and again. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + SHOWN_MS;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Waited ${SHOWN_MS} ms for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Opens the conversation of that key in the list. */
export async function openConversation(page: Page, key: string): Promise<void> {
  await page.locator(`#conversations button[data-peer="${key}"]`).click();
  await page.locator("#chat").waitFor();
}

/** The texts of all messages on the page, in order. */
export async function texts(page: Page): Promise<string[]> {
  return await page.locator("#messages .message .text").allTextContents();
}

/** Nothing is wider than the page, or than the list it is in. */
export async function noSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const scrollable = [...document.querySelectorAll("html, body, #lists, #log, #side, #chat")];
    return scrollable.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.id);
  });
  deepStrictEqual(wide, []);
}

/** Writes and sends as a person does. */
export async function write(page: Page, text: string): Promise<void> {
  await page.locator("#message").fill(text);
  await page.locator("#message").press("Enter");
}
