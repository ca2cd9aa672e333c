/** A group of five processes that all reach each other: messages, crashes, removals, and restarts of all. */
import assert from "node:assert/strict";
import {
  GROUP,
  type Member,
  meshed,
  startGroup,
  storedOnce,
  withMembers,
} from "#support/group_app.ts";
import { askByHand } from "#support/group_outsider.ts";

/** A group at work, and what everybody was told so far. */
class Talk {
  readonly persist: boolean;
  /** Texts of the group, of before and after restarts. */
  readonly said: string[] = [];
  /** Without a store `/events` begins anew with each process: what each was told by former ones. */
  readonly #before = new Map<Member, string[]>();

  constructor(persist: boolean) {
    this.persist = persist;
  }

  /** Each of some says something to the group. */
  async say(members: readonly Member[], what: string): Promise<void> {
    for (const [index, member] of members.entries()) {
      const message = `${what} of ${index}`;
      if (index % 2 === 1) await member.send(message);
      else {
        const { body, status } = await member.request("POST", "/message", {
          ...{ recipient: "", message },
        });
        assert.deepEqual([status, body], [200, { ok: true, network: "cxo" }]);
      }
      this.said.push(message);
    }
  }

  /** That these were told everything, each once, over all their processes. */
  async check(members: readonly Member[]): Promise<void> {
    for (const member of members) {
      const before = this.#before.get(member) ?? [];
      const expected = this.said.filter((text) => !before.includes(text));
      const now = await member.texts(expected);
      assert.deepEqual([...before, ...now].toSorted(), this.said.toSorted(), member.pk);
    }
    if (this.persist) await storedOnce(members, this.said);
  }

  /** Before a process ends: what it was told. */
  async remember(members: readonly Member[]): Promise<void> {
    if (this.persist) return;
    for (const member of members) {
      const before = this.#before.get(member) ?? [];
      const expected = this.said.filter((text) => !before.includes(text));
      this.#before.set(member, [...before, ...await member.texts(expected)]);
    }
  }
}

for (const persist of [true, false]) {
  const how = persist ? "with a store" : "without a store";
  Deno.test(`a full mesh of five, ${how}: once each, over crashes, removals and restarts`, () =>
    withMembers(async (scene) => {
      const members = await startGroup(scene, { count: 5, persist });
      await meshed(members);
      const talk = new Talk(persist);
      await talk.say(members, "hello");
      await talk.check(members);
      await twoCrash(members, talk);
      await oneIsRemoved(members, talk);
      await anAdminBans(members, talk);
      await allRestart(members, talk);
    }));
}

/** The last two are killed, miss something, and return. */
async function twoCrash(members: readonly Member[], talk: Talk): Promise<void> {
  const [rest, victims] = [members.slice(0, 3), members.slice(3)];
  await talk.remember(victims);
  await Promise.all(victims.map(({ app }) => app.kill()));
  await talk.say(rest, "while two are away");
  await Promise.all(victims.map((victim) => victim.again()));
  await meshed(members);
  await talk.check(members);
  await talk.say(members, "all are back");
  await talk.check(members);
}

/** The owner puts the fifth out, who then neither reads nor is read, however it tries. */
async function oneIsRemoved(members: readonly Member[], talk: Talk): Promise<void> {
  const [owner, , , , victim] = members;
  assert.ok(owner !== undefined && victim !== undefined);
  const rest = members.filter((member) => member !== victim);
  const known = [...talk.said];
  const { members: left } = await owner.act("remove", victim);
  assert.deepEqual(left.toSorted(), rest.map(({ pk }) => pk).toSorted());
  for (const member of rest) await member.decisions([`roster remove ${victim.pk}`]);
  await talk.remember([victim]);
  await victim.request("POST", "/message", { recipient: "", message: "I am out" });
  await talk.say(rest, "without the fifth");
  await talk.check(rest);
  await isShutOut(victim, { from: rest, who: 5 });

  // A new process does not get in either, and is not heard.
  await victim.restart();
  await Promise.all(
    rest.map(({ pk }) => victim.app.waitForLog(`reconnect ${pk}: subscribe rejected`)),
  );
  await talk.say(rest, "still without the fifth");
  await talk.check(rest);
  await isShutOut(victim, { from: rest, who: 5 });
  const after = talk.said.slice(known.length);
  const heard = await victim.toldBefore("I am out again");
  assert.deepEqual(heard.filter((text) => after.includes(text)), [], "it reads nothing");
  if (talk.persist) {
    assert.deepEqual(heard.filter((text) => known.includes(text)).length, known.length);
  }
}

/** Nobody serves it anything, not even what it asks for by hand. */
async function isShutOut(
  victim: Member,
  { from, who }: { readonly from: readonly Member[]; readonly who: number },
): Promise<void> {
  const { peer_connected: connected = {} } = await victim.info();
  assert.deepEqual(Object.values(connected).filter((isUp) => isUp === true), [], "it follows some");
  for (const member of from) {
    const { sub, trees } = await askByHand(member, { who });
    assert.deepEqual({ sub, trees }, { sub: "subscribe rejected", trees: [] });
  }
}

/** The owner makes the second an admin, who bans the fourth. */
async function anAdminBans(members: readonly Member[], talk: Talk): Promise<void> {
  const [owner, admin, third, fourth] = members;
  assert.ok(owner && admin && third && fourth);
  await owner.act("promote", admin);
  for (const member of [admin, third, fourth]) {
    await member.decisions([`admin promote ${admin.pk}`]);
  }
  const refused = await third.request("POST", `/group/${GROUP}/members/ban`, { pk: fourth.pk });
  assert.deepEqual([refused.status, refused.body], [403, "group: Ban: only admins can moderate"]);
  await admin.act("ban", fourth);
  const rest = [owner, admin, third];
  for (const member of rest) await member.decisions([`mod ban ${fourth.pk}`]);
  await talk.remember([fourth]);
  await fourth.request("POST", "/message", { recipient: "", message: "I am banned" });
  await talk.say(rest, "three are left");
  // What a banned one ever said is not for those who see it later; whoever has it keeps it.
  await talk.check(rest);
  await isShutOut(fourth, { from: rest, who: 4 });
}

/** Everything holds for processes that know it from disk or from others. */
async function allRestart(members: readonly Member[], talk: Talk): Promise<void> {
  const rest = members.slice(0, 3);
  const out = members.slice(3);
  await talk.remember(rest);
  await Promise.all(members.map((member) => member.restart()));
  await meshed(rest);
  for (const victim of out) {
    await Promise.all(
      rest.map(({ pk }) => victim.app.waitForLog(`reconnect ${pk}: subscribe rejected`)),
    );
    await victim.request("POST", "/message", { recipient: "", message: "hear me" });
  }
  await talk.say(rest, "after all restarted");
  await talk.check(rest);
  for (const member of rest) {
    const info = await member.info();
    assert.deepEqual(info.members.toSorted(), rest.map(({ pk }) => pk).toSorted());
    assert.deepEqual(info.banned, [out[0]?.pk]);
    assert.deepEqual(info.admins, [rest[0]?.pk, rest[1]?.pk]);
    assert.equal(info.status, "active");
  }
  for (const [index, victim] of out.entries()) {
    await isShutOut(victim, { from: rest, who: 4 + index });
    const heard = await victim.toldBefore("hear me now");
    assert.deepEqual(heard.filter((text) => text.startsWith("after all")), []);
  }
  await objectsAreShut(rest);
}

/** Whoever knows the name of an object, and has no seat, does not get it; whoever has one does. */
async function objectsAreShut([owner]: readonly Member[]): Promise<void> {
  assert.ok(owner);
  const { sub, trees } = await askByHand(owner, { who: 2 });
  assert.deepEqual([sub, trees.length], ["Ok", 1]);
  const seated = await askByHand(owner, { who: 2, objects: trees });
  assert.deepEqual(seated.objects, ["Object"]);
  for (const who of [4, 5, 9]) {
    const { objects } = await askByHand(owner, { who, objects: trees });
    assert.equal(objects.length, 1);
    assert.notEqual(objects[0], "Object");
  }
}
