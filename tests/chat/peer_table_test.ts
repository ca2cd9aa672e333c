import assert from "node:assert/strict";
import fc from "fast-check";
import { type PublicKey, SecretKey } from "#crypto";
import { CHAT_LIMITS } from "#chat";
import { ALICE, BOB, FakeChatLink } from "#support/fake_chat_link.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { PeerTable } from "../../lib/chat/peer_table.ts";

const CAROL = SecretKey.generate(new SeededRandom(3)).publicKey;

function newTable(links = CHAT_LIMITS.links): PeerTable {
  return new PeerTable({ ...CHAT_LIMITS, linksPerPeer: 3, links });
}

/** Adds new links of one peer, opened one after the other. */
function addLinks(table: PeerTable, peer: PublicKey, count: number): FakeChatLink[] {
  return Array.from({ length: count }, (_, openedAt) => {
    const link = new FakeChatLink(peer, { openedAt });
    assert.deepEqual(table.add(link), { admitted: true });
    return link;
  });
}

Deno.test("PeerTable sends on the newest link and falls back to the next newest", () => {
  const table = newTable();
  const [first, second, third] = addLinks(table, ALICE, 3);
  assert.ok(first && second && third);
  assert.equal(table.newest(ALICE.hex), third);
  assert.equal(table.remove(third), true);
  assert.equal(table.newest(ALICE.hex), second);
  assert.equal(table.remove(first), true);
  assert.equal(table.newest(ALICE.hex), second);
  assert.equal(table.remove(second), true);
  assert.equal(table.newest(ALICE.hex), undefined);
  assert.deepEqual(table.peers(), []);
});

Deno.test("PeerTable.remove is about this very link", () => {
  const table = newTable();
  const [kept] = addLinks(table, ALICE, 1);
  assert.equal(table.remove(new FakeChatLink(ALICE)), false);
  assert.equal(table.newest(ALICE.hex), kept);
  assert.equal(table.size, 1);
});

Deno.test("PeerTable displaces the oldest link of a key that has its share", () => {
  const table = newTable();
  const [oldest] = addLinks(table, ALICE, 3);
  const others = addLinks(table, BOB, 1);
  const link = new FakeChatLink(ALICE);
  assert.deepEqual(table.add(link), { admitted: true, displaced: oldest });
  assert.equal(table.size, 4);
  assert.equal(table.newest(ALICE.hex), link);
  assert.equal(table.newest(BOB.hex), others[0]);
});

Deno.test("PeerTable refuses a new key when full, and lets a known one replace its own", () => {
  const table = newTable(3);
  const [oldest] = addLinks(table, ALICE, 2);
  addLinks(table, BOB, 1);
  assert.deepEqual(table.add(new FakeChatLink(CAROL)), { admitted: false });
  assert.deepEqual(table.peers(), [BOB.hex, ALICE.hex].sort());
  assert.equal(table.add(new FakeChatLink(ALICE)).displaced, oldest);
  assert.equal(table.size, 3);
});

Deno.test("PeerTable replaces the only link of a known key when full", () => {
  const table = newTable(1);
  const [old] = addLinks(table, ALICE, 1);
  const link = new FakeChatLink(ALICE);
  assert.deepEqual(table.add(link), { admitted: true, displaced: old });
  assert.equal(table.newest(ALICE.hex), link);
  assert.equal(table.size, 1);
});

Deno.test("PeerTable lets a dialled link in when strangers fill it", () => {
  const table = newTable(2);
  const dialled = new FakeChatLink(ALICE, { direction: "out", openedAt: 0 });
  table.add(dialled);
  const stranger = new FakeChatLink(BOB, { openedAt: 5 });
  table.add(stranger);
  const own = new FakeChatLink(CAROL, { direction: "out", openedAt: 9 });
  assert.deepEqual(table.add(own), { admitted: true, displaced: stranger });
  const another = SecretKey.generate(new SeededRandom(4)).publicKey;
  const late = new FakeChatLink(another, { direction: "out", openedAt: 9 });
  assert.deepEqual(table.add(late), { admitted: false });
});

Deno.test("PeerTable never exceeds its limits and knows its size, whatever happens", () => {
  const keys = [ALICE, BOB, CAROL];
  const step = fc.record({ add: fc.boolean(), key: fc.nat(2), out: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const table = newTable(5);
    for (const { add, key, out } of steps) {
      const peer = keys[key] ?? ALICE;
      const newest = table.newest(peer.hex);
      if (add) table.add(new FakeChatLink(peer, { direction: out ? "out" : "in" }));
      else if (newest !== undefined) assert.equal(table.remove(newest), true);
      const links = table.all();
      assert.equal(table.size, links.length);
      assert.ok(links.length <= 5);
      const each = keys.map((one) => links.filter((link) => link.peer === one).length);
      assert.ok(each.every((count) => count <= 3));
      assert.equal(table.peers().length, each.filter((count) => count > 0).length);
    }
  }));
});
