/** Decisions that are taken back, and those that a crash follows at once. */
import assert from "node:assert/strict";
import {
  GROUP,
  type Member,
  meshed,
  startGroup,
  storedOnce,
  toldOnce,
  withMembers,
} from "#support/group_app.ts";

Deno.test("who was put out or banned and is let in again reads what it missed, and is heard", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 4, persist: true });
    const [owner, second, third, fourth] = members;
    assert.ok(owner && second && third && fourth);
    await meshed(members);
    await owner.send("all are here");
    const said = ["all are here"];
    await toldOnce(members, said);

    await owner.act("remove", third);
    await owner.act("ban", fourth);
    const rest = [owner, second];
    await second.decisions([`roster remove ${third.pk}`, `mod ban ${fourth.pk}`]);
    await second.send("only two");
    said.push("only two");
    await toldOnce(rest, said);
    await owner.act("unban", fourth);
    const { members: left } = await owner.info();
    assert.deepEqual(left.toSorted(), rest.map(({ pk }) => pk).toSorted(), "unban lets nobody in");

    for (const back of [third, fourth]) await owner.act("add", back);
    await second.decisions([`roster add ${third.pk}`, `roster add ${fourth.pk}`]);
    for (const member of members) await member.infoWhen(follows(members, member));
    for (const [index, member] of members.entries()) {
      await member.send(`together again ${index}`);
      said.push(`together again ${index}`);
    }
    await toldOnce(members, said);
    await storedOnce(members, said);

    // Those who were away and those who were here agree after a restart too.
    await Promise.all(members.map((member) => member.restart()));
    await meshed(members);
    await fourth.send("and once more");
    said.push("and once more");
    await toldOnce(members, said);
    await storedOnce(members, said);
    for (const member of members) {
      const info = await member.info();
      assert.deepEqual([info.members.length, info.banned, info.admins], [
        ...[4, undefined, [owner.pk]],
      ]);
    }
  }));

Deno.test("a mute silences from then on, everywhere; read-only silences all but admins", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 3, persist: true });
    const [owner, loud, other] = members;
    assert.ok(owner && loud && other);
    await meshed(members);
    await loud.send("before the mute");
    const said = ["before the mute"];
    await toldOnce(members, said);
    await owner.act("mute", loud);
    for (const member of [loud, other]) await member.decisions([`mod mute ${loud.pk}`]);
    const refusal = "group: posting not permitted: muted";
    const refused = await loud.request("POST", `/group/${GROUP}/send`, { text: "I am loud" });
    assert.deepEqual([refused.status, refused.body], [403, refusal]);
    const posted = await loud.request("POST", "/message", { recipient: "", message: "loud" });
    assert.deepEqual([posted.status, posted.body], [503, `cxo publish: ${refusal}`]);
    const { can_post, cannot_post_reason } = await loud.info();
    assert.deepEqual([can_post, cannot_post_reason], [
      ...[false, "you are restricted from sending messages in this group"],
    ]);

    const on = await owner.request("POST", `/group/${GROUP}/readonly`, { read_only: true });
    assert.deepEqual([on.status, on.body.read_only, on.body.post_policy], [200, true, "admins"]);
    await other.decisions(["mod read-only"]);
    const readOnly = await other.request("POST", `/group/${GROUP}/send`, { text: "x" });
    assert.deepEqual([readOnly.status, readOnly.body], [
      ...[403, "group: posting not permitted: group is read-only"],
    ]);
    await owner.send("an admin may");
    said.push("an admin may");
    await toldOnce(members, said);

    await Promise.all(members.map((member) => member.restart()));
    await meshed(members);
    assert.equal((await other.info()).read_only, true);
    assert.deepEqual((await other.info()).muted, [loud.pk]);
    await owner.act("unmute", loud);
    await owner.request("POST", `/group/${GROUP}/readonly`, { read_only: false });
    for (const member of [loud, other]) {
      await member.decisions([`mod unmute ${loud.pk}`, "mod read-write"]);
    }
    for (const member of [loud, other]) {
      const text = `free again ${member.pk.slice(0, 6)}`;
      await member.send(text);
      said.push(text);
    }
    await toldOnce(members, said);
    await storedOnce(members, said);
  }));

for (const persist of [true, false]) {
  const how = persist ? "with a store" : "without a store";
  Deno.test(`a decision that was answered outlives a SIGKILL at once, ${how}`, () =>
    withMembers(async (scene) => {
      const members = await startGroup(scene, { count: 4, persist });
      const [owner, second, third, fourth] = members;
      assert.ok(owner && second && third && fourth);
      await meshed(members);
      await owner.act("promote", second);
      await second.decisions([`admin promote ${second.pk}`]);

      await owner.act("remove", third);
      await owner.app.kill();
      await owner.again();
      await second.act("ban", fourth);
      await second.app.kill();
      await second.again();
      const rest = [owner, second];
      await meshed(rest);
      for (const member of rest) {
        const info = await member.infoWhen(({ banned, members: now }) =>
          banned?.length === 1 && now.length === 2
        );
        assert.deepEqual([info.banned, info.members.toSorted(), info.admins], [
          [fourth.pk],
          rest.map(({ pk }) => pk).toSorted(),
          [owner.pk, second.pk],
        ]);
      }
      for (const victim of [third, fourth]) {
        await victim.request("POST", "/message", { recipient: "", message: "hear me" });
      }
      for (const member of rest) await member.send(`two of us, ${member.pk.slice(0, 6)}`);
      const said = rest.map(({ pk }) => `two of us, ${pk.slice(0, 6)}`);
      await toldOnce(rest, said);
    }));
}

/** Whether a node follows everybody else. */
function follows(members: readonly Member[], self: Member) {
  return ({ peer_connected = {} }: { peer_connected?: Record<string, boolean> }): boolean =>
    members.every((other) => other === self || peer_connected[other.pk] === true);
}
