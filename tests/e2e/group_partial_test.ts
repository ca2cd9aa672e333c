/** Groups whose members do not all reach each other: copies in other members' feeds carry what they say. */
import assert from "node:assert/strict";
import { keyOf } from "#support/cxo_app.ts";
import {
  GROUP,
  type Member,
  startGroup,
  storedOnce,
  toldOnce,
  withMembers,
} from "#support/group_app.ts";

/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";

/** Each of some says something; all of it. */
async function say(members: readonly Member[], what: string): Promise<string[]> {
  const said: string[] = [];
  for (const member of members) {
    const text = `${what}, says ${member.pk.slice(0, 6)}`;
    await member.send(text);
    said.push(text);
  }
  return said;
}

Deno.test("a star: what its points say reaches the others through its middle, which may crash", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 5, dials: () => [1], persist: true });
    const [owner, second, third, fourth, fifth] = members;
    assert.ok(owner && second && third && fourth && fifth);
    const points = members.slice(1);
    const meet = async (some: readonly Member[]) => {
      await owner.follows(some);
      await Promise.all(some.map((point) => point.follows([owner])));
    };
    await meet(points);
    const said = await say(members, "hello");
    await toldOnce(members, said);
    await storedOnce(members, said);
    const { peer_connected: connected } = await second.info();
    assert.deepEqual(
      Object.entries(connected).filter(([, isUp]) => isUp).map(([pk]) => pk),
      [owner.pk],
      "points do not know each other's addresses",
    );

    // The middle and a point are away; the others say what nobody hears before the middle is back.
    await Promise.all([owner.app.kill(), third.app.kill()]);
    said.push(...await say([second, fourth, fifth], "without the middle"));
    await Promise.all([owner.again(), third.again()]);
    await meet([third]);
    said.push(...await say([owner, third], "we are back"));
    await toldOnce(members, said);
    await storedOnce(members, said);

    await twoAreOut(members, said);
    await allRestart(members, said);
  }));

/** The owner puts one out, and an admin bans another. */
async function twoAreOut(members: readonly Member[], said: string[]): Promise<void> {
  const [owner, second, third, fourth, fifth] = members;
  assert.ok(owner && second && third && fourth && fifth);
  await owner.act("remove", fifth);
  const rest = [owner, second, third, fourth];
  for (const member of rest) await member.decisions([`roster remove ${fifth.pk}`]);
  await fifth.send("I am out");
  said.push(...await say(rest, "without the fifth"));
  await toldOnce(rest, said);

  await owner.act("promote", second);
  await second.decisions([`admin promote ${second.pk}`]);
  await second.act("ban", fourth);
  await owner.decisions([`mod ban ${fourth.pk}`]);
  await fourth.send("I am banned");
  const left = [owner, second, third];
  said.push(...await say(left, "without the fourth"));
  await toldOnce(left, said);
}

/**
 * Records are not copied by others (groups.md 1.5): the third learns of the ban when the owner says it, as an
 * admin does after its start.
 */
async function allRestart(members: readonly Member[], said: string[]): Promise<void> {
  const [owner, second, third, fourth, fifth] = members;
  assert.ok(owner && second && third && fourth && fifth);
  const left = [owner, second, third];
  await Promise.all(members.map((member) => member.restart()));
  await owner.follows([second, third]);
  await Promise.all([second, third].map((point) => point.follows([owner])));
  for (const member of left) {
    const info = await member.infoWhen(({ banned = [] }) => banned.length > 0);
    assert.deepEqual(info.banned, [fourth.pk]);
    assert.deepEqual(info.members.toSorted(), left.map(({ pk }) => pk).toSorted());
  }
  await Promise.all([fourth, fifth].map(({ app }) => {
    return app.waitForLog(`reconnect ${owner.pk}: subscribe rejected`);
  }));
  await fifth.send("still out");
  await fourth.send("still banned");
  said.push(...await say(left, "after all restarted"));
  await toldOnce(left, said);
  await storedOnce(left, said);
  for (const victim of [fourth, fifth]) {
    const heard = await victim.toldBefore("I hear nothing");
    assert.deepEqual(heard.filter((text) => text.startsWith("after all restarted")), []);
  }
}

Deno.test("a line of five: what one end says comes out at the other, also over a gap", () =>
  withMembers(async (scene) => {
    const members: Member[] = [];
    for (let who = 1; who <= 5; who++) {
      const before = members.at(-1);
      const others = [1, 2, 3, 4, 5].filter((other) => other !== who && other !== who - 1);
      members.push(
        await scene.start({
          ...{ who, group: GROUP, persist: true },
          peers: [
            ...before === undefined ? [] : [before.spec],
            ...others.map((other) => `tcp://${keyOf(other)}@${NOWHERE}`),
          ],
        }),
      );
    }
    const meet = async (number: number) => {
      const neighbours = [members[number - 1], members[number + 1]];
      const there = neighbours.flatMap((member) => member ?? []);
      await members[number]?.follows(there);
    };
    await Promise.all(members.map((_, number) => meet(number)));
    const said = await say(members, "along the line");
    await toldOnce(members, said);
    await storedOnce(members, said);

    const [first, second, third, fourth, fifth] = members;
    assert.ok(first && second && third && fourth && fifth);
    await Promise.all([third.app.kill(), fifth.app.kill()]);
    said.push(...await say([first, second, fourth], "over a gap"));
    await Promise.all([third.again(), fifth.again()]);
    await Promise.all([meet(2), meet(4)]);
    said.push(...await say([third, fifth], "back in line"));
    await toldOnce(members, said);
    await storedOnce(members, said);

    await Promise.all(members.map((member) => member.restart()));
    await Promise.all(members.map((_, number) => meet(number)));
    said.push(...await say([fifth, first], "after all restarted"));
    await toldOnce(members, said);
    await storedOnce(members, said);
  }));
