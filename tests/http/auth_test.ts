import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { hashPassword, parsePasswordLine, type PasswordVerifier } from "#crypto";
import { createGate, type GateOptions } from "#http";
import { utf8, utf8Text } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import * as fc from "fast-check";
import { FAILURE_WINDOW_MS } from "../../lib/http/attempts.ts";
import { MAX_SLOWED, MAX_SLOWED_PER_CLIENT, SLOWED_MS } from "../../lib/http/auth.ts";
import {
  basicPassword,
  CredentialMemory,
  MAX_AUTHORIZATION,
  MAX_WRONG_REMEMBERED,
  REMEMBER_MS,
} from "../../lib/http/credentials.ts";
import { LoginQueue, MAX_HASHES_WAITING } from "../../lib/http/login_queue.ts";
import { RecordingLog } from "../net/recording_log.ts";

/** A verifier that knows one password, counts its runs and can be made to wait. */
class FakeVerifier implements PasswordVerifier {
  readonly slow: boolean;
  readonly tried: string[] = [];
  #gate = Promise.resolve();

  constructor({ slow = true }: { slow?: boolean } = {}) {
    this.slow = slow;
  }

  /** Makes runs wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  async verify(password: Uint8Array): Promise<boolean> {
    this.tried.push(utf8Text(password));
    await this.#gate;
    return utf8Text(password) === "s3cret";
  }
}

function setUp(options: Partial<GateOptions> & { slow?: boolean } = {}) {
  const clock = new ManualClock();
  const verifier = new FakeVerifier(options);
  const random = new SeededRandom(5);
  const gate = createGate({ verifier, clock, random, ...options });
  const ask = (authorization?: string, client?: string, internalToken?: string) =>
    gate.check({ authorization, internalToken }, client ?? "10.0.0.1");
  return { clock, verifier, ask };
}

const basic = (password: string, user = "me") => `Basic ${utf8(`${user}:${password}`).toBase64()}`;

async function shown(reply: Response | undefined): Promise<[number, string] | "passed"> {
  return reply === undefined ? "passed" : [reply.status, (await reply.text()).trimEnd()];
}

const REQUIRED = [401, "skychat: authentication required"];
const INVALID = [401, "skychat: invalid credentials"];
const BUSY = [503, "too many logins at once, try again"];

/** Ten wrong tries, one after the other, each with another password. */
async function failTenTimes(ask: ReturnType<typeof setUp>["ask"], client?: string): Promise<void> {
  for (let n = 0; n < 10; n++) {
    deepStrictEqual(await shown(await ask(basic(`guess ${n}`), client)), INVALID);
  }
}

Deno.test("createGate lets the right password in, whatever the user name", async () => {
  const { ask } = setUp();
  for (const user of ["", "me", "wörter"]) strictEqual(await ask(basic("s3cret", user)), undefined);
  strictEqual(await ask(basic("s3cret").replace("Basic", "bAsIc ")), undefined);
});

Deno.test("createGate says in the two texts of the specification what is wrong", async () => {
  const { ask } = setUp();
  for (
    const [authorization, expected] of [[undefined, REQUIRED], [basic("no"), INVALID]] as const
  ) {
    const reply = await ask(authorization);
    strictEqual(reply?.headers.get("www-authenticate"), 'Basic realm="skychat"');
    strictEqual(reply?.headers.get("content-type"), "text/plain; charset=utf-8");
    strictEqual(reply?.headers.get("x-content-type-options"), "nosniff");
    deepStrictEqual(await shown(reply), expected);
  }
});

Deno.test("createGate compares passwords byte for byte, colons and UTF-8 included", async () => {
  for (const form of ["sha256", "scrypt"] as const) {
    const line = await hashPassword("a:b:ß 🗝", { form, random: new SeededRandom(1) });
    const verifier = parsePasswordLine(line);
    if (verifier === "blank") throw new Error("blank");
    const { ask } = setUp({ verifier });
    strictEqual(await ask(basic("a:b:ß 🗝")), undefined);
    for (const wrong of ["b:ß 🗝", "a:b:ss 🗝", "a:b:ß 🗝 ", ""]) {
      deepStrictEqual(await shown(await ask(basic(wrong))), INVALID, wrong);
    }
  }
});

Deno.test("createGate takes a header without a readable password as none", async () => {
  const { ask, verifier } = setUp();
  const none = utf8("nocolon").toBase64();
  const huge = `Basic ${"QUFB".repeat(262_144)}`;
  for (
    const header of [
      "",
      "Basic",
      "Basic ",
      `Basic ${none}`,
      "Basic ****",
      "Basic QQQ=Q",
      "Basic QQQQQ",
      "Bearer czNjcmV0",
      basic("s3cret").slice(5),
      huge,
      `Basic \u00ff`,
    ]
  ) {
    deepStrictEqual(await shown(await ask(header)), REQUIRED, header.slice(0, 40));
  }
  deepStrictEqual(verifier.tried, []);
});

Deno.test("basicPassword finds what was put in and never throws", () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: "grapheme" }), (user, password) => {
      fc.pre(!user.includes(":"));
      deepStrictEqual(basicPassword(basic(password, user)), utf8(password));
    }),
    { numRuns: 100 },
  );
  const hostile = fc.oneof(fc.string(), fc.base64String().map((text) => `Basic ${text}`));
  fc.assert(fc.property(hostile, (text) => void basicPassword(text)), { numRuns: 200 });
  strictEqual(basicPassword(basic("x".repeat(MAX_AUTHORIZATION))), undefined);
});

Deno.test("createGate hashes the right password once while it is in use", async () => {
  const { ask, clock, verifier } = setUp();
  for (let n = 0; n < 20; n++) {
    strictEqual(await ask(basic("s3cret"), `10.0.0.${n}`), undefined);
    await clock.advance(REMEMBER_MS / 4);
  }
  strictEqual(verifier.tried.length, 1);
  await clock.advance(REMEMBER_MS);
  strictEqual(await ask(basic("s3cret")), undefined);
  strictEqual(verifier.tried.length, 2);
});

Deno.test("createGate hashes the same password once for all who send it at a time", async () => {
  const { ask, verifier } = setUp();
  const release = verifier.hold();
  const replies = Array.from({ length: 30 }, () => ask(basic("s3cret")));
  await settle();
  release();
  for (const reply of await Promise.all(replies)) strictEqual(reply, undefined);
  strictEqual(verifier.tried.length, 1);
});

Deno.test("createGate answers a repeated wrong password without hashing it", async () => {
  const { ask, verifier, clock } = setUp();
  for (let n = 0; n < 5; n++) deepStrictEqual(await shown(await ask(basic("no"))), INVALID);
  await clock.advance(REMEMBER_MS);
  deepStrictEqual(await shown(await ask(basic("no"))), INVALID);
  deepStrictEqual(verifier.tried, ["no"]);
});

Deno.test("CredentialMemory forgets the oldest wrong password when it is full", () => {
  const memory = new CredentialMemory({ clock: new ManualClock(), random: new SeededRandom(2) });
  const digests = Array.from(
    { length: MAX_WRONG_REMEMBERED + 1 },
    (_, n) => memory.digest(utf8(`${n}`)),
  );
  for (const digest of digests) memory.learn(digest, false);
  deepStrictEqual(digests.map((digest) => memory.isWrong(digest)), digests.map((_, n) => n > 0));
});

Deno.test("createGate delays an address by a second after ten failures, and no other", async () => {
  const { ask, clock, verifier } = setUp();
  await failTenTimes(ask);
  let reply: Response | undefined;
  const late = ask(basic("guess 11")).then((answer) => reply = answer);
  await clock.advance(SLOWED_MS - 1);
  strictEqual(reply, undefined);
  strictEqual(verifier.tried.length, 10, "a delayed guess is not hashed before its time");
  deepStrictEqual(await shown(await ask(basic("guess 12"), "10.0.0.2")), INVALID);
  await clock.advance(1);
  await late;
  deepStrictEqual(await shown(reply), INVALID);
  strictEqual(clock.pending, 0);
});

Deno.test("createGate asks an address that is slowed for credentials at once", async () => {
  const { ask } = setUp();
  await failTenTimes(ask);
  deepStrictEqual(await shown(await ask(undefined)), REQUIRED);
});

Deno.test("createGate ends the delay when the failures are a minute old", async () => {
  const { ask, clock } = setUp();
  await failTenTimes(ask);
  await clock.advance(FAILURE_WINDOW_MS);
  deepStrictEqual(await shown(await ask(basic("guess 11"))), INVALID);
});

Deno.test("createGate delays many tries at once as well, before any of them was judged", async () => {
  for (const slow of [false, true]) {
    const { ask, clock } = setUp({ slow });
    const verdicts: unknown[] = [];
    const replies = Array.from({ length: 50 }, async (_, n) => {
      verdicts.push((await shown(await ask(basic(`guess ${n}`))))[0]);
    });
    await settle();
    const invalid = verdicts.filter((status) => status === 401).length;
    ok(invalid <= 10, `${invalid} answered at once`);
    await clock.advance(SLOWED_MS);
    await Promise.all(replies);
    strictEqual(clock.pending, 0);
  }
});

Deno.test("createGate never delays a remembered password for the failures of others", async () => {
  const { ask, clock } = setUp();
  strictEqual(await ask(basic("s3cret"), "127.0.0.1"), undefined);
  await failTenTimes(ask, "127.0.0.1");
  strictEqual(await ask(basic("s3cret"), "127.0.0.1"), undefined);
  strictEqual(clock.pending, 0);
});

Deno.test("createGate lets a password in that became known while it waited", async () => {
  const { ask, clock, verifier } = setUp();
  await failTenTimes(ask);
  const late = ask(basic("s3cret"));
  strictEqual(await ask(basic("s3cret"), "10.0.0.2"), undefined);
  await clock.advance(SLOWED_MS);
  strictEqual(await late, undefined);
  strictEqual(verifier.tried.filter((password) => password === "s3cret").length, 1);
});

Deno.test("createGate does not count right passwords as failures", async () => {
  const { ask, clock } = setUp();
  for (let n = 0; n < 30; n++) {
    await ask(basic("s3cret"));
    await clock.advance(REMEMBER_MS / 600);
  }
  await clock.advance(REMEMBER_MS);
  strictEqual(await ask(basic("s3cret")), undefined);
  strictEqual(clock.pending, 0);
});

Deno.test("createGate delays a bounded number of answers and refuses the rest", async () => {
  const { ask, clock } = setUp();
  await failTenTimes(ask);
  const delayed = Array.from({ length: MAX_SLOWED_PER_CLIENT }, () => ask(basic("guess 0")));
  await settle();
  const reply = await ask(basic("guess 0"));
  strictEqual(reply?.headers.get("retry-after"), "1");
  deepStrictEqual(await shown(reply), BUSY);
  await clock.advance(SLOWED_MS);
  for (const late of await Promise.all(delayed)) deepStrictEqual(await shown(late), INVALID);
});

Deno.test("createGate delays a bounded number of answers to all addresses together", async () => {
  const { ask, clock } = setUp();
  const addresses = Array.from({ length: 5 }, (_, n) => `10.3.0.${n}`);
  for (const address of addresses) await failTenTimes(ask, address);
  for (let round = 0; round < 3; round++) {
    const statuses: (number | undefined)[] = [];
    const replies = addresses.flatMap((address) =>
      Array.from({ length: MAX_SLOWED_PER_CLIENT }, async () => {
        statuses.push((await ask(basic("guess 0"), address))?.status);
      })
    );
    await settle();
    strictEqual(clock.pending, MAX_SLOWED);
    deepStrictEqual(statuses, new Array(replies.length - MAX_SLOWED).fill(503));
    await clock.advance(SLOWED_MS);
    await Promise.all(replies);
  }
});

Deno.test("createGate lets the right password through while strangers keep every place taken", async () => {
  const { ask, verifier } = setUp();
  const count = MAX_HASHES_WAITING + 10;
  for (let n = 0; n < count; n++) await ask(basic(`early ${n}`), `10.1.0.${n}`);
  const release = verifier.hold();
  const strangers = Array.from({ length: count }, (_, n) => ask(basic(`late ${n}`), `10.1.0.${n}`));
  await settle();
  const right = ask(basic("s3cret"), "10.2.0.1");
  await settle();
  release();
  strictEqual(await right, undefined);
  const statuses = (await Promise.all(strangers)).map((reply) => reply?.status);
  strictEqual(statuses.filter((status) => status === 503).length, count - MAX_HASHES_WAITING);
  ok(verifier.tried.indexOf("s3cret") <= count + 1, "it came next");
});

Deno.test("createGate lets the right password in among 40 guessers with the same address", async () => {
  const clock = new ManualClock();
  const verifier: PasswordVerifier = {
    slow: true,
    async verify(password) {
      await clock.sleep(200);
      return utf8Text(password) === "s3cret";
    },
  };
  const gate = createGate({ verifier, clock, random: new SeededRandom(5) });
  const ask = (password: string) =>
    gate.check({ authorization: basic(password), internalToken: undefined }, "127.0.0.1");
  let guesses = 0;
  let over = false;
  const guessers = Array.from({ length: 40 }, async () => {
    while (!over) strictEqual((await ask(`guess ${guesses++}`))?.status, 401);
  });
  for (let second = 0; second < 20; second++) await clock.advance(1_000);
  let reply: Response | "none" | undefined = "none";
  const right = ask("s3cret").then((answer) => reply = answer);
  for (let tenth = 0; tenth < 100 && reply === "none"; tenth++) await clock.advance(100);
  strictEqual(reply, undefined, "its turn comes after at most 41 guesses of 0.2 s");
  await right;
  strictEqual(await ask("s3cret"), undefined, "and then at once");
  over = true;
  for (let second = 0; second < 20; second++) await clock.advance(1_000);
  await Promise.all(guessers);
});

Deno.test("LoginQueue picks by lot who gives way when it is full, newcomers of the same kind too", async () => {
  const queue = new LoginQueue({ failures: () => 10, random: new SeededRandom(3) });
  const held = Promise.withResolvers<void>();
  const running = queue.run("a", () => held.promise);
  const verdicts = new Map<number, string>();
  const extra = 20;
  const waiting = Array.from({ length: MAX_HASHES_WAITING + extra }, async (_, n) => {
    verdicts.set(n, await queue.run("a", () => Promise.resolve("done")));
  });
  await settle();
  strictEqual(queue.waiting, MAX_HASHES_WAITING);
  held.resolve();
  await Promise.all([running, ...waiting]);
  const turnedAway = [...verdicts].filter(([, verdict]) => verdict === "busy").map(([n]) => n);
  strictEqual(turnedAway.length, extra);
  const early = turnedAway.filter((n) => n < MAX_HASHES_WAITING).length;
  ok(early >= extra / 2, `${early} of ${extra} had come before it was full`);
});

Deno.test("LoginQueue turns a newcomer away who has more failures than all who wait", async () => {
  const failures = (client: string) => client === "guesser" ? 10 : 1;
  const queue = new LoginQueue({ failures, random: new SeededRandom(3) });
  const held = Promise.withResolvers<string>();
  const honest = Array.from(
    { length: MAX_HASHES_WAITING + 1 },
    () => queue.run("honest", () => held.promise),
  );
  strictEqual(await queue.run("guesser", () => held.promise), "busy");
  held.resolve("done");
  deepStrictEqual(new Set(await Promise.all(honest)), new Set(["done"]));
});

Deno.test("createGate lets a holder of the internal token in without a password", async () => {
  const { ask } = setUp({ internalToken: "t0ken ü" });
  strictEqual(await ask(undefined, "127.0.0.1", "t0ken ü"), undefined);
  strictEqual(await ask(basic("no"), "127.0.0.1", "t0ken ü"), undefined);
  for (const wrong of ["t0ken", "t0ken ü ", "T0ken ü", "x".repeat(1_048_576)]) {
    deepStrictEqual(await shown(await ask(undefined, "127.0.0.1", wrong)), REQUIRED);
  }
  deepStrictEqual(await shown(await ask(undefined, "127.0.0.1", "")), REQUIRED);
  strictEqual(await ask(basic("s3cret"), "127.0.0.1", "wrong"), undefined);
});

Deno.test("createGate has no internal token unless one is set", async () => {
  for (const internalToken of [undefined, "", "  "]) {
    const { ask } = setUp({ internalToken });
    for (const sent of ["", "  ", "undefined"]) {
      deepStrictEqual(await shown(await ask(undefined, "127.0.0.1", sent)), REQUIRED);
    }
  }
});

Deno.test("createGate counts wrong tokens as wrong tries", async () => {
  const { ask, clock } = setUp({ internalToken: "t0ken" });
  for (let n = 0; n < 10; n++) await ask(undefined, "10.0.0.1", `guess ${n}`);
  const late = ask(undefined, "10.0.0.1", "guess 10");
  await settle();
  strictEqual(clock.pending, 1);
  await clock.advance(SLOWED_MS);
  deepStrictEqual(await shown(await late), REQUIRED);
  strictEqual(await ask(undefined, "10.0.0.1", "t0ken"), undefined);
});

Deno.test("createGate logs once a minute that somebody guesses, and never what", async () => {
  const log = new RecordingLog();
  const { ask, clock } = setUp({ log });
  await Promise.all(Array.from({ length: 30 }, () => ask(basic("s3cret"))));
  deepStrictEqual(log.lines, [], "right passwords at a time are no guesses");
  await failTenTimes(ask, "10.0.0.8:4711");
  await failTenTimes(ask, "10.0.0.9");
  strictEqual(log.lines.length, 1);
  match(log.lines[0] ?? "", /^WARN skychat: 10 wrong passwords within a minute from 10\.0\.0\.8, /);
  ok(!log.lines.join().includes("guess"));
  await clock.advance(FAILURE_WINDOW_MS);
  await failTenTimes(ask);
  strictEqual(log.lines.length, 2);
});
