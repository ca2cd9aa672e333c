import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { follows, mirrors, ringSuccessors, type Topology } from "../../lib/group/topology.ts";
import vectors from "../vectors/groups.json" with { type: "json" };
import { keyNumber, keyOf } from "./decisions.ts";

const vector = vectors.topology;
const members = new Set(vector.members.map(keyOf));
const group: Topology = {
  kind: "public",
  members,
  admins: new Set(vector.admins.map(keyOf)),
  backfill: true,
};

Deno.test("follows agrees with the vectors, admins first, then the ring", () => {
  deepStrictEqual([...members].sort(), vector.hex_order.map(keyOf));
  for (const [name, followed] of Object.entries(vector.follows)) {
    deepStrictEqual(follows(group, keyOf(name), vector.fanout), followed.map(keyOf), name);
    deepStrictEqual(follows(group, keyOf(name)), followed.map(keyOf), "2 is the default");
  }
});

Deno.test("follows is everybody where all are admins, as in a standalone mesh", () => {
  for (const [name, followed] of Object.entries(vector.full_mesh_all_admins)) {
    deepStrictEqual(follows({ ...group, admins: members }, keyOf(name)), followed.map(keyOf), name);
    ok(mirrors({ ...group, admins: members, backfill: false }, keyOf(name)));
  }
});

Deno.test("without fanout or backfill a member follows the admins only and mirrors nothing", () => {
  const [admin, bob] = [keyOf("alice"), keyOf("bob")];
  for (
    const [changed, fanout] of [
      [group, 0],
      [group, -3],
      [{ ...group, backfill: false }, 2],
    ] as const
  ) {
    deepStrictEqual(follows(changed, bob, fanout), [admin]);
    strictEqual(mirrors(changed, bob, fanout), false);
    strictEqual(follows(changed, admin, fanout).length, 5);
    strictEqual(mirrors(changed, admin, fanout), true);
  }
  ok(mirrors(group, bob));
});

Deno.test("in a channel everybody follows the admins that are members, and only admins mirror", () => {
  const [alice, bob, carol] = [keyOf("alice"), keyOf("bob"), keyOf("carol")];
  const admins = new Set([alice, bob, keyNumber(1)]);
  const channel: Topology = { ...group, kind: "channel", admins };
  deepStrictEqual(follows(channel, carol), [alice, bob]);
  deepStrictEqual(follows(channel, alice), [bob]);
  strictEqual(mirrors(channel, carol), false);
  strictEqual(mirrors(channel, alice), true);
});

Deno.test("ringSuccessors begins at the first key not below mine and goes around", () => {
  const [one = "", two = "", three = "", four = ""] = [1, 2, 3, 4].map(keyNumber);
  const ring = [three, one, four, two];
  deepStrictEqual(ringSuccessors(ring, two, 2), [two, three]);
  deepStrictEqual(ringSuccessors([three, one, four], two, 2), [three, four]);
  deepStrictEqual(ringSuccessors([one, two, three], four, 2), [one, two]);
  deepStrictEqual(ringSuccessors([one, two, four], three, 2), [four, one]);
  deepStrictEqual(ringSuccessors(ring, two, 4), [one, two, three, four]);
  deepStrictEqual(ringSuccessors(ring, two, 9), [one, two, three, four]);
  deepStrictEqual(ringSuccessors(ring, two, 0), []);
  deepStrictEqual(ringSuccessors([], two, 2), []);
});

Deno.test("every member is followed by as many as it follows in the ring", () => {
  const keys = fc.uniqueArray(fc.integer({ min: 1, max: 1_000 }), { minLength: 4, maxLength: 30 });
  fc.assert(fc.property(keys, fc.integer({ min: 1, max: 3 }), (numbers, fanout) => {
    const all = new Set(numbers.map(keyNumber));
    const mesh: Topology = { kind: "public", members: all, admins: new Set(), backfill: true };
    const followers = new Map<string, number>();
    for (const me of all) {
      const followed = follows(mesh, me, fanout);
      strictEqual(new Set(followed).size, Math.min(fanout, all.size - 1));
      ok(!followed.includes(me));
      for (const key of followed) followers.set(key, (followers.get(key) ?? 0) + 1);
    }
    for (const key of all) strictEqual(followers.get(key), Math.min(fanout, all.size - 1));
  }));
});
