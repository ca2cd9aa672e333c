/** Roots that no honest publisher sends, beside a feed that must not notice. */
import assert from "node:assert/strict";
import type { RootMessage } from "#cxo";
import { utf8 } from "#kit";
import { secretOf } from "#support/feed_node.ts";
import { type HostilePublisher, SOME_ID, underAttack } from "#support/feed_hostile.ts";
import { ZERO_ID } from "#cxo";

const MINUTE = 60_000;
const LEAF = { name: "note", leaf: utf8("must not be shown") };

/** Roots for each of which a line is dropped, however often it is tried. */
const DROPPED: Readonly<Record<string, (evil: HostilePublisher) => RootMessage>> = {
  "a wrong signature": (evil) => {
    const root = evil.root(evil.node([LEAF]));
    return { ...root, signature: root.signature.with(7, (root.signature[7] ?? 0) ^ 1) };
  },
  "the signature of another key": (evil) => {
    const { signature } = evil.foreign(evil.node([LEAF]));
    return { ...evil.root(evil.node([LEAF])), signature };
  },
  "a signature with its S in the upper half": (evil) => {
    const root = evil.root(evil.node([LEAF]));
    return { ...root, signature: root.signature.with(32, 0x80) };
  },
  "a recovery id of 4": (evil) => {
    const root = evil.root(evil.node([LEAF]));
    return { ...root, signature: root.signature.with(64, 4) };
  },
  "trap 7: a value that names another feed": (evil) =>
    evil.forged(evil.node([LEAF]), { pub: secretOf(9_999).publicKey.hex }),
  "trap 7: another nonce in the message": (evil) => ({
    ...evil.root(evil.node([LEAF])),
    nonce: 77n,
  }),
  "trap 7: another seq in the message": (evil) => ({
    ...evil.root(evil.node([LEAF])),
    seq: 1_000_000n,
  }),
  "trap 8: Seq 0 with a Prev": (evil) => evil.forged(evil.node([LEAF]), { seq: 0n, prev: SOME_ID }),
  "trap 8: a Seq without a Prev": (evil) => evil.forged(evil.node([LEAF]), { prev: ZERO_ID }),
  "a registry that nobody has": (evil) => evil.root(evil.node([LEAF]), { registry: SOME_ID }),
  "a blank registry": (evil) => evil.root(evil.node([LEAF]), { registry: ZERO_ID }),
  "a schema that nobody has": (evil) =>
    evil.root(undefined, { refs: [{ object: evil.node([LEAF]), schema: SOME_ID }] }),
  "a thousand references": (evil) => {
    const [reference] = evil.fields(evil.node([LEAF])).refs;
    assert.ok(reference !== undefined);
    return evil.root(undefined, { refs: Array(1_000).fill(reference) });
  },
  "a value that is no Root": (evil) => ({
    ...evil.root(undefined),
    value: new Uint8Array(193).fill(0xff),
  }),
  "an empty value": (evil) => ({ ...evil.root(undefined), value: new Uint8Array() }),
};

for (const [what, make] of Object.entries(DROPPED)) {
  Deno.test(`Root with ${what}: the line is dropped and dialled with pauses`, () =>
    underAttack({
      onFollowed: (line, evil) => line.send(make(evil)),
    }, async ({ evil, goodGoesOn, held, victim, world }) => {
      await world.pass(2 * MINUTE);
      assert.ok(evil.lines.length > 2, "it is tried again");
      assert.ok(evil.lines.length < 10, `dialled ${evil.lines.length} times in 2 min`);
      assert.ok(evil.lines.every(({ isClosed }) => isClosed));
      await goodGoesOn();
      assert.ok(victim.received.every((text) => text.startsWith("good")));
      assert.equal(held(), 0);
    }));
}

/** Messages that are passed over; the line stays. */
const PASSED_OVER: Readonly<Record<string, (evil: HostilePublisher) => RootMessage>> = {
  "a foreign feed, signed by it": (evil) => evil.foreign(evil.node([LEAF])),
  "the good feed under a signature of its own": (evil) => ({
    ...evil.root(evil.node([LEAF])),
    feed: secretOf(8_802).publicKey.hex,
  }),
  "our own feed": (evil) => ({ ...evil.root(undefined), feed: secretOf(8_804).publicKey.hex }),
  "a feed of zeros": (evil) => ({ ...evil.root(undefined), feed: "0".repeat(66) }),
};

for (const [what, make] of Object.entries(PASSED_OVER)) {
  Deno.test(`a Root of ${what} is passed over, and the line stays`, () =>
    underAttack({
      onFollowed: (line, evil) => {
        for (let count = 0; count < 20; count++) line.send(make(evil));
        line.send(evil.root(evil.node([{ name: "a", leaf: utf8("evil says hello") }])));
      },
    }, async ({ evil, held, victim, world }) => {
      await world.pass(MINUTE);
      assert.equal(evil.lines.length, 1);
      assert.equal(evil.line?.isClosed, false);
      assert.ok(victim.received.includes("evil says hello"), "what follows is read");
      assert.ok(!victim.received.includes("must not be shown"));
      assert.equal(held(), 3);
    }));
}

Deno.test("a Seq that goes back with an earlier Time is passed over, and said once", () =>
  underAttack({
    onFollowed: (line, evil) => {
      const time = 1_789_000_000_000_000_000n;
      const first = [{ name: "a", leaf: utf8("newest") }];
      line.send(evil.root(evil.node(first), { seq: 50n, time }));
      for (let seq = 1n; seq < 30n; seq++) {
        line.send(evil.root(evil.node([LEAF]), { seq, time: time - 1_000n + seq }));
      }
    },
  }, async ({ complaints, evil, victim, world }) => {
    await world.pass(MINUTE);
    assert.ok(victim.received.includes("newest"));
    assert.ok(!victim.received.includes("must not be shown"));
    assert.equal(complaints().length, 1);
    assert.equal(evil.lines.length, 1);
  }));

Deno.test("thousands of valid Roots a second are read slowly, and only the newest is fetched", () =>
  underAttack({
    onFollowed: (line, evil) => {
      for (let count = 0; count < 3_000; count++) {
        line.send(evil.root(count < 2_999 ? evil.node([LEAF]) : undefined));
      }
      // Its answer tells when all of them were read.
      line.send({ type: "RqList" });
    },
  }, async ({ evil, goodGoesOn, world }) => {
    const startedAt = performance.now();
    for (let second = 0; second < 5; second++) await goodGoesOn();
    assert.deepEqual(evil.lines[0]?.all("Err"), [], "10 Roots a second are read");
    const asked = evil.lines.flatMap((line) => line.all("RqObject")).length;
    assert.ok(asked < 60 * 5, `${asked} objects asked for`);
    await world.pass(MINUTE);
    assert.ok(performance.now() - startedAt < 20_000);
    assert.equal(evil.lines.length, 1);
  }));

Deno.test("a publisher that completes a Root and hangs up is not dialled without a pause", () =>
  underAttack({
    mostLines: 40,
    onFollowed: (line, evil) => {
      line.send(evil.root(undefined));
      void line.written.then(() => line.close());
    },
  }, async ({ evil, world }) => {
    await world.clock.advance(10_000);
    assert.ok(evil.lines.length <= 12, `${evil.lines.length} lines in 10 s`);
  }));

Deno.test("a publisher that completes a Root before each attack is not dialled without a pause", () =>
  underAttack({
    mostLines: 40,
    onFollowed: (line, evil) => {
      line.send(evil.root(undefined));
      line.send(evil.root(undefined, { registry: SOME_ID }));
    },
  }, async ({ evil, world }) => {
    await world.clock.advance(10_000);
    assert.ok(evil.lines.length <= 12, `${evil.lines.length} lines in 10 s`);
  }));
