/** Members of a group find each other, whoever dials, and keep one connection each. */
import assert from "node:assert/strict";
import {
  assertMesh,
  assertOneLineEach,
  inLinksWorld,
  linesBetween,
  type LinksNode,
} from "#support/group_links.ts";
import { secretOf } from "#support/feed_node.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { MemberLinks } from "../../lib/group/member_links.ts";

const PORT = 8_900;

/** Each says something of its own. */
function said(node: LinksNode): string {
  return `of ${node.port}`;
}

function sayAll(nodes: readonly LinksNode[]): void {
  for (const node of nodes) node.put("msgs/1", said(node));
}

for (const count of [3, 5]) {
  Deno.test(`${count} members that dial each other settle on one connection for each pair`, () =>
    inLinksWorld(async (world) => {
      const nodes = world.mesh(count);
      sayAll(nodes);
      await world.pass(6_000);
      assertMesh(nodes, said);
      assertOneLineEach(nodes);
      const dials = nodes.map(({ tried }) => tried.length);
      for (const node of nodes) assert.equal(node.links.followers, count - 1);
      // Nobody dials where a connection is, and none is lost.
      await world.pass(120_000);
      assert.deepEqual(nodes.map(({ tried }) => tried.length), dials);
      assertOneLineEach(nodes);
      for (const node of nodes) {
        node.put("msgs/2", "later");
      }
      await world.pass(1_000);
      for (const node of nodes) {
        for (const other of nodes) {
          if (other !== node) assert.equal(node.has(other)["msgs/2"], "later");
        }
      }
    }));
}

Deno.test("of two dials that cross, the connection that the smaller key dialled stays", () =>
  inLinksWorld(async (world) => {
    const nodes = world.mesh(2);
    sayAll(nodes);
    await world.pass(4_000);
    const [smaller, larger] = [...nodes].sort((a, b) => a.key < b.key ? -1 : 1);
    assert.ok(smaller !== undefined && larger !== undefined);
    assert.equal(smaller.tried.length + larger.tried.length, 2, "both dialled");
    assert.deepEqual(smaller.dialled.map(({ open }) => open), [true]);
    assert.ok(larger.dialled.every(({ open }) => !open));
    assertMesh(nodes, said);
  }));

Deno.test("a member that only dials is followed over its own connection", () =>
  inLinksWorld(async (world) => {
    const open = world.start(PORT);
    const hidden = world.start(PORT + 1, { listens: false });
    const both = [open, hidden];
    open.list(both, () => undefined);
    sayAll(both);
    await world.pass(5_000);
    assert.deepEqual(open.tried, [], "its address is not known");
    hidden.list(both);
    await world.pass(1_000);
    assertMesh(both, said);
    assert.equal(open.state(hidden)?.address, undefined);
    assert.deepEqual(open.tried, []);
  }));

Deno.test("what is put, changed and taken out reaches everybody", () =>
  inLinksWorld(async (world) => {
    const [author, ...readers] = world.mesh(3);
    assert.ok(author !== undefined);
    author.put("msgs/1", "first");
    author.put("msgs/2", "second");
    await world.pass(4_000);
    author.put("msgs/1", "changed");
    assert.equal(author.feed.delete("msgs/2"), true);
    await world.pass(1_000);
    for (const reader of readers) {
      assert.deepEqual(reader.has(author), { "msgs/1": "changed" });
      const state = reader.state(author);
      assert.equal(state?.seq, author.feed.last?.root.seq);
      assert.equal(state?.updates, 2);
      assert.ok(state?.completedAt !== undefined && state.objects > 0);
      assert.ok(state.lastInbound !== undefined && state.lastInbound <= world.clock.wall());
    }
  }));

Deno.test("a member that starts anew is followed again over the connection that it opens", () =>
  inLinksWorld(async (world) => {
    const [one, two] = world.mesh(2);
    assert.ok(one !== undefined && two !== undefined);
    sayAll([one, two]);
    await world.pass(4_000);
    await world.stop(two);
    assert.equal(one.state(two)?.connected, false);
    assert.equal(one.state(two)?.following, false);
    const again = world.start(two.port);
    again.list([one, again]);
    again.put("msgs/1", said(again));
    again.put("msgs/3", "after the restart");
    await world.pass(4_000);
    assert.equal(one.has(again)["msgs/3"], "after the restart");
    assert.equal(again.has(one)["msgs/1"], said(one));
    assert.equal(linesBetween(one, again), 1);
  }));

Deno.test("a connection that breaks is made again, and nothing is lost", () =>
  inLinksWorld(async (world) => {
    const nodes = world.mesh(3);
    sayAll(nodes);
    await world.pass(4_000);
    for (let round = 0; round < 3; round++) {
      for (const { dialled } of nodes) for (const { stream } of dialled) stream.reset();
      await world.pass(10_000);
      assertMesh(nodes, said);
      assertOneLineEach(nodes);
    }
  }));

Deno.test("an address that changes is dialled at once, one that cannot be one is said", () =>
  inLinksWorld(async (world) => {
    const one = world.start(PORT);
    const two = world.start(PORT + 1);
    two.list([one, two], () => undefined);
    one.list([one, two], () => "127.0.0.1:1");
    sayAll([one, two]);
    await world.pass(20_000);
    assert.equal(one.state(two)?.connected, false);
    one.list([one, two], () => "no address");
    assert.equal(one.state(two)?.address, undefined);
    assert.match(one.logs.at(-1) ?? "", /skipping address of [0-9a-f]{66}: invalid host:port/);
    await world.pass(60_000);
    one.list([one, two], () => "127.0.0.1:1");
    await world.pass(20_000);
    one.list([one, two]);
    await world.pass(500);
    assertMesh([one, two], said);
  }));

Deno.test("MemberLinks refuses where it cannot listen, and closes without having run", () =>
  inLinksWorld(async (world) => {
    const { context, feed } = world.start(PORT);
    const make = (listen: string) =>
      new MemberLinks({
        ...{ context, feed, listen },
        mostLinks: 4,
        mayFollow: () => true,
        onUpdate: () => Promise.resolve(),
      });
    assert.throws(() => make(":999999"), /^EndpointError: listen on :999999: /);
    assert.throws(() => make(`:${PORT}`).listen(), /listen on :8900: bind: address already in use/);
    assert.equal(make("").listen(), "");
    const running = make(":0");
    running.listen();
    const ran = running.run(new AbortController().signal);
    await running.close();
    await ran;
    const links = make(":0");
    links.setMembers(new Map([[secretOf(PORT + 1).publicKey.hex, "127.0.0.1:1"]]));
    assert.match(links.listen(), /^\[::\]:\d+$/);
    await links.close();
    await links.close();
    await links.run(new AbortController().signal);
    links.setMembers(new Map([[secretOf(PORT + 1).publicKey.hex, "127.0.0.1:1"]]));
    assert.deepEqual(links.states(), []);
  }));

for (const seed of [1, 2, 3]) {
  Deno.test(`members that come, go and break off at random find together in the end (${seed})`, () =>
    inLinksWorld(async (world) => {
      const random = new SeededRandom(seed);
      const pick = (count: number) => random.below(count);
      const hidden = new Set<LinksNode>();
      const nodes = world.mesh(5);
      for (let round = 0; round < 40; round++) {
        const at = pick(nodes.length);
        const node = nodes[at];
        const other = nodes[(at + 1 + pick(nodes.length - 1)) % nodes.length];
        assert.ok(node !== undefined && other !== undefined && node !== other);
        const what = pick(4);
        if (what === 0) { for (const { stream } of node.dialled) stream.reset(); }
        else if (what === 1) node.list(nodes.filter((each) => each !== other));
        else if (what === 2) node.list(nodes);
        else {
          await world.stop(node);
          const listens = pick(3) > 0;
          const again = world.start(node.port, { listens });
          if (!listens) hidden.add(again);
          again.list(nodes);
          nodes[at] = again;
        }
        await world.pass(pick(10) * 500);
      }
      // Two that nobody can reach would never meet.
      for (const [at, node] of nodes.entries()) {
        if (!hidden.has(node)) continue;
        await world.stop(node);
        nodes[at] = world.start(node.port);
      }
      for (const node of nodes) node.list(nodes);
      sayAll(nodes);
      await world.pass(70_000);
      assertMesh(nodes, said);
      assertOneLineEach(nodes);
    }));
}
