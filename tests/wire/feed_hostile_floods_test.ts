/** Too much, too little and too late from a publisher, beside a feed that must not notice. */
import assert from "node:assert/strict";
import { Writer } from "#cxo";
import { utf8 } from "#kit";
import { SOME_ID, underAttack } from "#support/feed_hostile.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const LEAF = { name: "note", leaf: utf8("evil") };

Deno.test("an object that is missing: Err gives the Root up at once, the line stays, Sub comes again", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(SOME_ID)),
  }, async (scene) => {
    const { evil, world } = scene;
    scene.allowed = 8;
    await world.pass(2 * MINUTE);
    const [line] = evil.lines;
    assert.equal(evil.lines.length, 1);
    assert.equal(line?.isClosed, false);
    const subs = line?.all("Sub").length ?? 0;
    assert.ok(subs > 4 && subs < 10, `${subs} times Sub`);
  }));

Deno.test("an object that never comes: 59 s of silence give the Root up, and the line stays", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(evil.node([LEAF]))),
    onMessage: ({ message }) => message.type === "RqObject",
  }, async (scene) => {
    const { complaints, evil, world } = scene;
    scene.allowed = 2;
    // One second went by before.
    await world.pass(57 * SECOND);
    assert.deepEqual(complaints(), []);
    await world.pass(2 * SECOND);
    assert.match(complaints()[0] ?? "", /Root 1 is incomplete: timeout$/);
    await world.pass(MINUTE);
    assert.equal(evil.lines.length, 1);
    assert.equal(evil.line?.isClosed, false);
  }));

Deno.test("Roots that each lack an object, one after the other, do not fill the log", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(evil.node([LEAF]))),
    onMessage: ({ message, seq }, line, evil) => {
      if (message.type !== "RqObject") return false;
      line.send({ type: "Err", text: "" }, seq);
      line.send(evil.root(evil.node([LEAF])));
      return true;
    },
  }, async (scene) => {
    scene.allowed = 12;
    await scene.world.pass(MINUTE);
    assert.ok(scene.complaints().length <= 12, `${scene.complaints().length} lines in 1 min`);
  }));

Deno.test("Roots that break one after the other are fetched ever more slowly", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(evil.node([LEAF]))),
    onMessage: ({ message, seq }, line, evil) => {
      if (message.type !== "RqObject") return false;
      line.send({ type: "Err", text: "" }, seq);
      // Each is walked for what came of it, which a graph that unfolds makes a second of work.
      line.send(evil.root(evil.node([{ ...LEAF, name: `${evil.seq}` }])));
      return true;
    },
  }, async (scene) => {
    scene.allowed = Infinity;
    await scene.world.pass(MINUTE);
    const asked = scene.evil.lines.flatMap((line) => line.all("RqObject")).length;
    assert.ok(asked <= 60, `${asked} Roots were begun in 1 min`);
  }));

for (const wide of [false, true]) {
  const then = wide ? "and a Root of many objects" : "and a Root of one object more";
  Deno.test(`60 Subs that a publisher makes us say and never answers, ${then}, end nothing of ours`, () =>
    underAttack({
      onMessage: ({ message, seq }, line, evil) => {
        const subs = line.all("Sub").length;
        // The first Sub is answered; every one after it is not.
        if (message.type === "Sub" && subs === 1) {
          line.send({ type: "Ok" }, seq);
          line.send(evil.root(SOME_ID));
        }
        if (message.type === "Sub") return true;
        if (message.type !== "RqObject" || evil.objects.has(message.id)) return false;
        line.send({ type: "Err", text: "" }, seq);
        // One that completes makes the next that does not count as the first.
        line.send(evil.root(undefined));
        if (wide && subs > 58) {
          const entries = Array.from(
            { length: 20 },
            (_, index) => ({ ...LEAF, name: `n${index}` }),
          );
          line.send(evil.root(evil.node(entries)));
        } else line.send(evil.root(evil.seq.toString(16).padStart(64, "0")));
        return true;
      },
    }, async (scene) => {
      const { unhandled, world } = scene;
      scene.allowed = Infinity;
      for (let second = 0; second < 58 && unhandled.length === 0; second++) {
        await world.pass(SECOND);
      }
      assert.deepEqual(unhandled, []);
    }));
}

Deno.test("trap 19: answers to nothing by the thousand are passed over", () =>
  underAttack({
    onFollowed: (line) => {
      for (let count = 0; count < 5_000; count++) {
        line.send({ type: "Object", value: utf8(`unsolicited ${count}`) }, count);
      }
    },
  }, async ({ evil, held, world }) => {
    await world.pass(MINUTE);
    assert.equal(evil.lines.length, 1);
    assert.equal(held(), 0);
  }));

Deno.test("Ping and Pong are passed over, and never answered (trap 4)", () =>
  underAttack({
    onFollowed: (line, evil) => {
      for (let count = 0; count < 100; count++) {
        line.send({ type: "Ping" });
        line.send({ type: "Pong" }, count);
      }
      line.send(evil.root(evil.node([LEAF])));
    },
  }, async ({ evil, victim, world }) => {
    await world.pass(MINUTE);
    assert.equal(evil.lines.length, 1);
    assert.ok(victim.received.includes("evil"));
    assert.deepEqual([evil.line?.all("Ping"), evil.line?.all("Pong")], [[], []]);
  }));

/** Bodies and bytes after which a line is over. */
const FATAL: Readonly<Record<string, Uint8Array>> = {
  "a second Syn": new Writer().u8(3).u16(3).fixed(new Uint8Array(33)).finish(),
  "an Ack": new Writer().u8(4).fixed(new Uint8Array(33)).finish(),
  "an unknown type": Uint8Array.of(99, 1, 2, 3),
  "type 0": Uint8Array.of(0),
  "an Ok with a byte after it": Uint8Array.of(5, 0),
  "a Root cut short": Uint8Array.of(11, 2, 3),
  "an Err that claims 4 GiB": Uint8Array.of(6, 255, 255, 255, 255, 0),
  "a List that claims 4 billion keys": Uint8Array.of(10, 255, 255, 255, 255, 0),
};

for (const [what, body] of Object.entries(FATAL)) {
  Deno.test(`${what} after the greeting ends the line, which is dialled with pauses`, () =>
    underAttack({
      onFollowed: (line) => void line.sendBody(body),
    }, async ({ evil, world }) => {
      await world.pass(MINUTE);
      assert.ok(evil.lines.length > 2 && evil.lines.length < 9, `${evil.lines.length} lines`);
      assert.ok(evil.lines.every(({ isClosed }) => isClosed));
    }));
}

for (
  const [what, length] of [["64 MiB", 67_108_864], ["4 GiB", 4_294_967_295], [
    "8 bytes",
    8,
  ]] as const
) {
  Deno.test(`trap 20: a frame of ${what} is refused when it is announced`, () =>
    underAttack({
      onFollowed: (line) => line.sendBytes(announced(length)),
    }, async ({ evil, world }) => {
      await world.clock.advance(100);
      assert.equal(evil.lines[0]?.isClosed, true);
      await world.pass(MINUTE);
      assert.ok(evil.lines.length > 2 && evil.lines.length < 9);
    }));
}

Deno.test("trap 20: an object of 16 MiB that is announced and sent byte by byte costs as much as came", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(SOME_ID)),
    onMessage: ({ message, seq }, line) => {
      if (message.type !== "RqObject") return false;
      const header = new DataView(new ArrayBuffer(21));
      header.setUint32(0, 16 * 2 ** 20);
      header.setUint32(4, 99, true);
      header.setUint32(8, seq, true);
      header.setUint8(12, 13);
      header.setUint32(13, 16 * 2 ** 20 - 13, true);
      line.sendBytes(new Uint8Array(header.buffer));
      return true;
    },
  }, async (scene) => {
    const { evil, goodGoesOn, world } = scene;
    scene.allowed = 1;
    const before = Deno.memoryUsage();
    for (let second = 0; second < 60; second++) {
      evil.line?.sendBytes(new Uint8Array(1));
      await world.pass(SECOND);
    }
    await goodGoesOn();
    assert.equal(evil.lines[0]?.isClosed, false);
    const grown = Deno.memoryUsage().external - before.external;
    assert.ok(grown < 8 * 2 ** 20, `${grown} bytes`);
    for (let second = 0; second < 60; second++) {
      evil.lines[0]?.sendBytes(new Uint8Array(1));
      await world.pass(SECOND);
    }
    assert.equal(evil.lines[0]?.isClosed, true, "half a frame is no sign of life");
  }));

Deno.test("nothing but noise: no Ack is waited for 59 s, then dialled again", () =>
  underAttack({ onMessage: () => true }, async ({ complaints, evil, world }) => {
    await world.pass(58 * SECOND);
    assert.equal(evil.lines.length, 1);
    await world.pass(5 * SECOND);
    assert.equal(evil.lines[0]?.isClosed, true);
    assert.match(complaints()[0] ?? "", /no answer to Syn in 59 s$/);
    assert.equal(evil.lines.length, 2);
  }));

Deno.test("a publisher that calls itself by another key than the proven one is hung up on", () =>
  underAttack({ nodeId: `02${"11".repeat(32)}` }, async ({ complaints, evil, world }) => {
    await world.pass(MINUTE);
    assert.ok(evil.lines.length > 2 && evil.lines.length < 9);
    assert.ok(evil.lines.every((line) => line.isClosed && line.all("Sub").length === 0));
    assert.match(complaints()[0] ?? "", /calls itself/);
  }));

Deno.test("a publisher that asks without end and never reads is not read from, and ends itself", () =>
  underAttack({
    onFollowed: (line, evil) => {
      line.send(evil.root(evil.node([{ name: "big", leaf: new Uint8Array(60_000).fill(65) }])));
    },
  }, async ({ evil, goodGoesOn, world }) => {
    await world.clock.advance(SECOND);
    const line = evil.lines[0];
    assert.ok(line !== undefined);
    line.pause();
    const [id = ""] = [...evil.objects].find(([, { length }]) => length > 60_000) ?? [];
    for (let count = 0; count < 2_000; count++) line.send({ type: "RqObject", id });
    await goodGoesOn();
    const before = Deno.memoryUsage().external;
    await world.pass(20 * SECOND);
    await goodGoesOn();
    assert.ok(Deno.memoryUsage().external - before < 100 * 2 ** 20);
    line.resume();
    await world.clock.advance(SECOND);
    assert.equal(line.isClosed, true, "a write that takes 5 s is the end");
  }));

Deno.test("endless waits of other kinds: Unsub takes the feed back, the watchdog asks for it again", () =>
  underAttack({
    onFollowed: (line, evil) => {
      line.send({ type: "Unsub", feed: evil.key });
      line.send(evil.root(evil.node([LEAF])));
    },
  }, async ({ evil, victim, world }) => {
    await world.pass(50 * SECOND);
    assert.ok(!victim.received.includes("evil"), "a Root after Unsub is passed over");
    await world.pass(50 * SECOND);
    assert.equal(evil.lines[0]?.all("Sub").length, 2);
  }));

/** The first four bytes of a frame. */
function announced(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}
