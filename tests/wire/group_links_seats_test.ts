/** Whoever has no seat gets nothing: strangers, members that were put out, and those who lie about their key. */
import assert from "node:assert/strict";
import { type CxoMessage, objectId, REGISTRY } from "#cxo";
import { secretOf } from "#support/feed_node.ts";
import { FeedLine } from "#support/feed_peer.ts";
import { hello, strangerSecret } from "#support/feed_raw.ts";
import {
  inLinksWorld,
  linesBetween,
  type LinksNode,
  type LinksWorld,
} from "#support/group_links.ts";
import { RawMember } from "#support/group_raw.ts";

const PORT = 8_900;
const MEMBER_PORT = 8_901;
const REJECTED: CxoMessage = { type: "Err", text: "subscribe rejected" };

/** Answers to everything that one may ask for the feed and the objects of a node. */
async function askAll(line: FeedLine, feed: string, ids: readonly string[]): Promise<unknown[]> {
  const answers: unknown[] = [await line.ask({ type: "Sub", feed })];
  answers.push(await line.ask({ type: "RqPreview", feed }));
  for (const id of ids) answers.push(await line.ask({ type: "RqObject", id }));
  return answers;
}

/** What a key without a seat is told to that. */
function nothing(ids: readonly string[]): unknown[] {
  return [
    REJECTED,
    { type: "Err", text: "no such feed" },
    ...ids.map(() => ({ type: "Err", text: "" })),
  ];
}

/** Ids of the objects of a node's feed, learned as a member does. */
async function idsOf(world: LinksWorld, node: LinksNode, member: RawMember): Promise<string[]> {
  const line = await member.dial(node.port);
  assert.deepEqual(await line.ask({ type: "Sub", feed: node.key }), { type: "Ok" });
  await world.clock.advance(0);
  const [root] = line.all("Root");
  assert.ok(root !== undefined);
  const ids: string[] = [];
  const wanted = [node.feed.last?.root.refs[0]?.object ?? ""];
  for (let id = wanted.shift(); id !== undefined && ids.length < 20; id = wanted.shift()) {
    const answer = await line.ask({ type: "RqObject", id });
    assert.ok(typeof answer === "object" && answer.type === "Object", `no object ${id}`);
    assert.equal(objectId(answer.value), id);
    ids.push(id);
    // A TreeNode is the id of its Refs; that is depth enough.
    if (answer.value.length === 32) wanted.push(answer.value.toHex());
  }
  assert.ok(ids.length >= 2);
  return ids;
}

Deno.test("a stranger gets neither feed nor preview nor an object that it can name", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    node.put("msgs/1", "for members");
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    await world.pass(1_000);
    const ids = await idsOf(world, node, member);
    const stranger = await hello(world, PORT);
    assert.deepEqual(await askAll(stranger, node.key, ids), nothing(ids));
    // The Registry is the same everywhere.
    const registry = await stranger.ask({ type: "RqObject", id: REGISTRY.id });
    assert.deepEqual(registry, { type: "Object", value: REGISTRY.bytes });
    node.put("msgs/2", "for members too");
    await world.pass(1_000);
    assert.deepEqual(stranger.all("Root"), []);
    assert.equal(member.line?.all("Root").length, 2);
    assert.equal(node.links.followers, 1);
    await Promise.all([member.close(), stranger.end()]);
  }));

Deno.test("a member gets no feed, preview or object of another member from a third", () =>
  inLinksWorld(async (world) => {
    const [node, author] = world.mesh(2);
    assert.ok(node !== undefined && author !== undefined);
    author.put("msgs/1", "from the author alone");
    const reader = new RawMember(world, 8_910);
    for (const each of [node, author]) {
      each.list([node, author, 8_910], (port) => port === 8_910 ? undefined : `127.0.0.1:${port}`);
    }
    await world.pass(4_000);
    assert.deepEqual(node.has(author), { "msgs/1": "from the author alone" });
    const ids = await idsOf(world, author, reader);
    const line = await reader.dial(node.port);
    const [sub, ...rest] = await askAll(line, author.key, ids);
    assert.deepEqual(sub, { type: "Err", text: "do not share the feed" });
    assert.deepEqual(rest, nothing(ids).slice(1));
    // Its publisher would get them back.
    const publisher = await hello(world, node.port, { secret: author.secret });
    const [ok, preview, ...objects] = await askAll(publisher, author.key, ids);
    assert.deepEqual(ok, { type: "Ok" });
    assert.equal((preview as CxoMessage).type, "Root");
    assert.ok(objects.every((answer) => (answer as CxoMessage).type === "Object"));
    await Promise.all([reader.close(), publisher.end()]);
  }));

Deno.test("a member that is put out is cut off at once, and gets nothing when it comes back", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    node.put("msgs/1", "seen");
    member.root("msgs/1", "kept");
    await world.pass(1_000);
    const ids = await idsOf(world, node, member);
    const unsubscribed = await hello(world, PORT, { secret: member.secret });
    await world.pass(3_000);
    const silent = await FeedLine.dial(world.network, { port: PORT, secret: member.secret });
    assert.deepEqual(node.has(member), { "msgs/1": "kept" });
    node.list([node]);
    node.put("msgs/2", "not for it");
    await world.pass(1_000);
    assert.ok([...member.lines, unsubscribed, silent].every(({ isClosed }) => isClosed));
    assert.ok(member.lines.every((line) => line.all("Root").length <= 1));
    assert.deepEqual(node.links.states(), []);
    assert.equal(node.links.followers, 0);
    const back = await member.dial(PORT);
    assert.deepEqual(await askAll(back, node.key, ids), nothing(ids));
    back.send(member.root("msgs/2", "from outside"));
    node.put("msgs/3", "not for it either");
    await world.pass(60_000);
    assert.deepEqual(back.all("Root"), []);
    assert.deepEqual(node.has(member), { "msgs/1": "kept" });
    assert.equal(member.asked.length, 1, "it is not followed any more");
    await Promise.all([member.close(), unsubscribed.end(), silent.end()]);
  }));

Deno.test("a node that is put out by everybody is dialled by nobody, and its dials bring it nothing", () =>
  inLinksWorld(async (world) => {
    const [one, two, out] = world.mesh(3);
    assert.ok(one !== undefined && two !== undefined && out !== undefined);
    for (const node of [one, two, out]) node.put("msgs/1", "before");
    await world.pass(4_000);
    for (const node of [one, two]) node.list([one, two]);
    await world.clock.advance(0);
    assert.deepEqual([one.links.followers, two.links.followers], [1, 1]);
    for (const node of [one, two]) node.put("msgs/2", "after");
    const tried = [one.tried.length, two.tried.length];
    await world.pass(120_000);
    assert.deepEqual([one.tried.length, two.tried.length], tried);
    assert.deepEqual(out.has(one), { "msgs/1": "before" });
    assert.equal(out.state(one)?.following, false);
    assert.deepEqual(two.has(one), { "msgs/1": "before", "msgs/2": "after" });
    assert.ok(out.logs.some((line) =>
      line.endsWith(
        `reconnect ${one.key}: subscribe rejected (that node does not list this one as a member)`,
      )
    ));
    // It is taken in again: what it missed comes.
    for (const node of [one, two]) node.list([one, two, out]);
    await world.pass(5_000);
    assert.deepEqual(out.has(one), { "msgs/1": "before", "msgs/2": "after" });
    assert.equal(linesBetween(one, out), 1);
  }));

Deno.test("a member that is followed no more and keeps its seat goes on following", () =>
  inLinksWorld(async (world) => {
    const [one, two] = world.mesh(2);
    assert.ok(one !== undefined && two !== undefined);
    await world.pass(4_000);
    assert.equal(two.links.followers, 1);
    one.links.setMembers(new Map());
    await world.pass(500);
    assert.equal(two.links.followers, 0, "it was told");
    two.put("msgs/1", "not wanted");
    one.put("msgs/1", "wanted");
    await world.pass(1_000);
    assert.deepEqual([one.has(two), two.has(one)], [{}, { "msgs/1": "wanted" }]);
    assert.equal(linesBetween(one, two), 1);
    one.list([one, two]);
    await world.pass(1_000);
    assert.deepEqual(one.has(two), { "msgs/1": "not wanted" });
    assert.equal(linesBetween(one, two), 1);
  }));

Deno.test("who calls itself by the key of a member is refused", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    const liar = await FeedLine.dial(world.network, { port: PORT, secret: strangerSecret() });
    const nodeId = secretOf(MEMBER_PORT).publicKey.hex;
    const answer = await liar.ask({ type: "Syn", protocol: 3, nodeId });
    await world.pass(500);
    assert.ok(liar.isClosed, "it is hung up on");
    assert.ok(answer === "closed" || answer.type === "Ack");
    assert.match(node.logs.at(-1) ?? "", /calls itself/);
    assert.equal(node.links.followers, 0);
    await liar.end();
  }));

Deno.test("whoever listens at the address of a member with another key is dropped, and that is said", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const other = new RawMember(world, MEMBER_PORT);
    other.open({ secret: secretOf(7_777) });
    node.list(
      [node, MEMBER_PORT, 7_777],
      (port) => port === 7_777 ? undefined : `127.0.0.1:${port}`,
    );
    await world.pass(2_000);
    assert.equal(other.line, undefined, "dropped");
    assert.deepEqual(other.lines.flatMap(({ heard }) => heard), [], "before anything was said");
    assert.equal(node.state(other)?.connected, false);
    assert.ok(
      node.logs.some((line) =>
        line.includes(`reconnect ${other.key}: 127.0.0.1:${MEMBER_PORT} belongs to `)
      ),
    );
    await other.close();
  }));

Deno.test("who has the key of a member and calls itself otherwise is dropped too", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const other = new RawMember(world, MEMBER_PORT);
    other.open({ nodeId: secretOf(7_777).publicKey.hex });
    node.list([node, MEMBER_PORT]);
    await world.pass(2_000);
    assert.equal(other.line, undefined);
    assert.match(
      node.logs.at(-1) ?? "",
      /reconnect [0-9a-f]{66}: cxo: peer with key \S+ calls itself/,
    );
    await other.close();
  }));

Deno.test("keys without a seat take no more than a quarter of the places: the oldest makes room", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT, { mostLinks: 8 });
    node.list([node, MEMBER_PORT], () => undefined);
    const strangers: FeedLine[] = [];
    for (let count = 0; count < 6; count++) {
      strangers.push(await hello(world, PORT));
      await world.pass(1_000);
    }
    assert.deepEqual(strangers.map(({ isClosed }) => isClosed), [
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    const member = new RawMember(world, MEMBER_PORT);
    member.root("msgs/1", "let in");
    await member.dial(PORT);
    await world.pass(1_000);
    assert.deepEqual(node.has(member), { "msgs/1": "let in" });
    await Promise.all([member.close(), ...strangers.map((line) => line.end())]);
  }));
