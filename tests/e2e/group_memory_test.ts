/** Groups without --persist: what the members' feeds hold is all there is, and it is enough. */
import assert from "node:assert/strict";
import { keyOf } from "#support/cxo_app.ts";
import {
  GROUP,
  type Member,
  meshed,
  startGroup,
  toldOnce,
  withMembers,
} from "#support/group_app.ts";

Deno.test("without a store texts come back from members: nobody is told twice, late ones get all", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 3 });
    const [owner, second, third] = members;
    assert.ok(owner && second && third);
    await meshed(members);
    for (const [index, member] of members.entries()) await member.send(`first of ${index}`);
    const said = ["first of 0", "first of 1", "first of 2"];
    await toldOnce(members, said);

    // One after the other: each has its feed back from the others before the next one goes.
    for (const member of members) {
      const others = members.filter((other) => other !== member);
      await member.restart();
      await member.follows(others);
      await Promise.all(others.map((other) => other.infoWhen(isConnectedTo(member))));
      const text = `${member.pk.slice(0, 8)} is back`;
      await member.send(text);
      said.push(text);
      for (const other of others) await other.texts([text]);
    }
    const heard = await third.toldBefore("a last word");
    assert.deepEqual(heard, said.slice(-1), "a restarted node shows nothing again");
    said.push("a last word");

    // Everybody has restarted since the first words: a late one reads them all the same, each once.
    await owner.act("add", { pk: keyOf(4) });
    for (const from of members) {
      const late = await scene.start({ who: 4, group: GROUP, peers: [from.spec], listen: "" });
      await late.follows([from]);
      await toldOnce([late], said);
      await late.app.kill();
      await Deno.remove(late.groupDir, { recursive: true });
    }
  }));

function isConnectedTo(
  { pk }: Member,
): (info: { peer_connected?: Record<string, boolean> }) => boolean {
  return ({ peer_connected = {} }) => peer_connected[pk] === true;
}
