import assert from "node:assert/strict";
import fc from "fast-check";
import { type PublicKey, SecretKey } from "#crypto";
import { CHAT_LIMITS, type LinkNetwork, MAX_KNOWN_PEERS, SILENT_LINK_MS } from "#chat";
import { ALICE, BOB, FakeChatLink } from "#support/fake_chat_link.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { PeerTable } from "../../lib/chat/peer_table.ts";

const CAROL = SecretKey.generate(new SeededRandom(3)).publicKey;

function newTable(
  links = CHAT_LIMITS.links,
  { clock = new ManualClock(), strangerLinks = links } = {},
): PeerTable {
  return new PeerTable({ ...CHAT_LIMITS, linksPerPeer: 3, links, strangerLinks }, clock);
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

/** Keys that nobody has seen before. */
const STRANGERS = Array.from(
  { length: 12 },
  (_, index) => SecretKey.generate(new SeededRandom(100 + index)).publicKey,
);

/** A link that a stranger opened, over the mesh unless it says otherwise. */
function stranger(index: number, openedAt: number, network: LinkNetwork = "dmsg"): FakeChatLink {
  return new FakeChatLink(STRANGERS[index] ?? ALICE, { openedAt, network });
}

for (const network of ["dmsg", "tcp-direct"] as const) {
  Deno.test(`PeerTable lets silent links over ${network} give way after a minute, oldest first`, async () => {
    const clock = new ManualClock();
    const table = newTable(3, { clock });
    const [first, speaks, third] = [0, 1, 2].map((index) => stranger(index, 0, network));
    assert.ok(first && speaks && third);
    for (const link of [first, speaks, third]) assert.ok(table.add(link).admitted);
    table.spoke(speaks);
    await clock.advance(SILENT_LINK_MS - 1);
    assert.deepEqual(table.add(stranger(3, clock.now(), network)), { admitted: false });
    await clock.advance(1);
    const fourth = stranger(4, clock.now(), network);
    assert.deepEqual(table.add(fourth), { admitted: true, displaced: first });
    assert.equal(table.add(stranger(5, clock.now(), network)).displaced, third);
    assert.deepEqual(table.add(stranger(6, clock.now(), network)), { admitted: false });
    assert.ok(table.has(speaks) && table.has(fourth));
  });
}

Deno.test("PeerTable keeps room for tcp-direct and for what we dial when strangers come over the mesh", async () => {
  const clock = new ManualClock();
  const table = newTable(5, { clock, strangerLinks: 3 });
  const links = [0, 1, 2].map((index) => stranger(index, 0));
  for (const link of links) assert.ok(table.add(link).admitted);
  assert.deepEqual(table.add(stranger(3, 0, "skynet")), { admitted: false });
  const again = stranger(1, 0, "skynet");
  assert.deepEqual(table.add(again), { admitted: true, displaced: links[1] });
  assert.deepEqual(table.add(new FakeChatLink(ALICE)), { admitted: true });
  assert.deepEqual(table.add(new FakeChatLink(BOB, { direction: "out", network: "skynet" })), {
    admitted: true,
  });
  await clock.advance(SILENT_LINK_MS);
  assert.equal(table.add(stranger(4, clock.now())).displaced, links[0], "of the same kind");
  assert.equal(table.size, 5);
});

Deno.test("PeerTable counts no peer that we wrote to among the strangers, as long as it remembers", () => {
  const table = newTable(5, { strangerLinks: 1 });
  table.add(stranger(0, 0));
  const fromAlice = () => new FakeChatLink(ALICE, { network: "dmsg" });
  assert.deepEqual(table.add(fromAlice()), { admitted: false });
  table.know(ALICE.hex);
  assert.deepEqual(table.add(fromAlice()), { admitted: true });
  for (let other = 0; other < MAX_KNOWN_PEERS; other++) table.know(`${other}`);
  table.remove(table.newest(ALICE.hex) ?? fromAlice());
  assert.deepEqual(table.add(fromAlice()), { admitted: false }, "forgotten for newer ones");
});

Deno.test("PeerTable takes a silent link away before one that speaks for a link that we dial", async () => {
  const clock = new ManualClock();
  const table = newTable(2, { clock });
  const [speaks, silent] = [stranger(0, 0), stranger(1, 0)];
  table.add(speaks);
  table.spoke(speaks);
  table.add(silent);
  await clock.advance(SILENT_LINK_MS);
  const dialled = (peer: PublicKey) => new FakeChatLink(peer, { direction: "out" });
  assert.equal(table.add(dialled(ALICE)).displaced, silent);
  assert.equal(table.add(dialled(BOB)).displaced, speaks, "never refused for strangers");
});

Deno.test("PeerTable never lets a peer with its share of other links add one beyond the bound of strangers", () => {
  const table = newTable(9, { strangerLinks: 1 });
  addLinks(table, ALICE, 3);
  table.add(stranger(0, 0));
  assert.deepEqual(table.add(new FakeChatLink(ALICE, { network: "dmsg" })), { admitted: false });
  assert.equal(table.size, 4);
});

Deno.test("PeerTable never exceeds its limits and knows its size, whatever happens", () => {
  const keys = [ALICE, BOB, CAROL];
  const step = fc.record({
    add: fc.boolean(),
    key: fc.nat(2),
    mesh: fc.boolean(),
    out: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const table = newTable(5, { strangerLinks: 2 });
    for (const { add, key, mesh, out } of steps) {
      const peer = keys[key] ?? ALICE;
      const newest = table.newest(peer.hex);
      const network = mesh ? "skynet" : "tcp-direct";
      if (add) table.add(new FakeChatLink(peer, { direction: out ? "out" : "in", network }));
      else if (newest !== undefined) assert.equal(table.remove(newest), true);
      const links = table.all();
      assert.equal(table.size, links.length);
      assert.ok(links.length <= 5);
      const strangers = links.filter((link) =>
        link.direction === "in" && link.network === "skynet"
      );
      assert.ok(strangers.length <= 2);
      const each = keys.map((one) => links.filter((link) => link.peer === one).length);
      assert.ok(each.every((count) => count <= 3));
      assert.equal(table.peers().length, each.filter((count) => count > 0).length);
    }
  }));
});
