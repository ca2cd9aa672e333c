import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { NO_FACTS } from "../../lib/group/facts.ts";
import type { Mutation } from "../../lib/group/mutation.ts";
import { type GroupCharter, MAX_MEMBERS, Roster } from "../../lib/group/roster.ts";
import { ZERO_TIME } from "../../lib/group/wire_json.ts";
import {
  ALICE,
  BOB,
  CAROL,
  charter,
  DAVE,
  decision,
  ERIN,
  factsAfter,
  FRANK,
  keyNumber,
} from "./decisions.ts";

const BANNED = "you are banned from this group";
const RESTRICTED = "you are restricted from sending messages in this group";
const CHANNEL = "this is a channel — only admins can post";
const READ_ONLY = "this group is read-only — only admins can send messages";

function rosterAfter(history: readonly Mutation[], changes: Partial<GroupCharter> = {}): Roster {
  return new Roster(charter(changes), factsAfter(...history));
}

Deno.test("Roster begins with the owner and whom the flags list", () => {
  const roster = new Roster(charter({ members: [BOB, CAROL, BOB] }), NO_FACTS);
  deepStrictEqual([...roster.members], [ALICE, BOB, CAROL]);
  deepStrictEqual([...roster.admins], [ALICE]);
  strictEqual(roster.banned.size + roster.muted.size, 0);
  strictEqual(roster.readOnlySince, undefined);
  strictEqual(roster.backfill, true);
  deepStrictEqual(roster.removedByFlags, []);
  ok(roster.isMember(ALICE) && roster.isMember(BOB) && !roster.isMember(DAVE));
  ok(roster.isAdmin(ALICE) && !roster.isAdmin(BOB));
  ok(roster.isKnown(ALICE) && roster.isKnown(BOB) && !roster.isKnown(DAVE));
});

Deno.test("add gives a seat and remove takes it, also from whom the flags list", () => {
  const roster = rosterAfter([
    decision("add", FRANK, 5),
    decision("add", DAVE, 4),
    decision("remove", BOB, 3),
    decision("remove", ERIN, 3),
  ]);
  deepStrictEqual([...roster.members], [ALICE, CAROL, DAVE, FRANK]);
  deepStrictEqual(roster.removedByFlags, [BOB]);
  ok(roster.isKnown(ERIN) && roster.isKnown(FRANK));
  const again = rosterAfter([decision("remove", BOB, 3), decision("add", BOB, 4)]);
  ok(again.isMember(BOB));
  deepStrictEqual(again.removedByFlags, []);
});

Deno.test("a ban takes seat and rights, and an unban gives neither back", () => {
  const before = [
    decision("add", DAVE, 1),
    decision("promote", DAVE, 2),
    decision("promote", BOB, 2),
  ];
  const banned = rosterAfter([...before, decision("ban", DAVE, 3), decision("ban", BOB, 3)]);
  deepStrictEqual([...banned.members], [ALICE, CAROL]);
  deepStrictEqual([...banned.admins], [ALICE]);
  deepStrictEqual(new Set(banned.banned), new Set([DAVE, BOB]));
  deepStrictEqual(banned.removedByFlags, [BOB]);
  const lifted = [
    ...[...before, decision("ban", DAVE, 3), decision("ban", BOB, 3)],
    ...[decision("unban", DAVE, 4), decision("unban", BOB, 4)],
  ];
  const unbanned = rosterAfter(lifted);
  deepStrictEqual([...unbanned.members], [ALICE, CAROL]);
  deepStrictEqual([...unbanned.admins], [ALICE]);
  strictEqual(unbanned.banned.size, 0);
  strictEqual(unbanned.refusalOf(BOB, 3n), "removed");
  strictEqual(unbanned.refusalOf(BOB, 2n), undefined);
  const back = rosterAfter([
    ...[...lifted, decision("add", BOB, 5), decision("promote", BOB, 5), decision("add", DAVE, 5)],
    // A second admin repeats what the first has done already.
    decision("unban", BOB, 6, CAROL),
  ]);
  deepStrictEqual([...back.members], [ALICE, BOB, CAROL, DAVE]);
  deepStrictEqual([...back.admins], [ALICE, BOB]);
});

Deno.test("an unban of somebody who was never banned changes nothing", () => {
  const roster = rosterAfter([
    ...[decision("add", DAVE, 1), decision("unban", DAVE, 2), decision("unban", BOB, 2)],
  ]);
  deepStrictEqual([...roster.members], [ALICE, BOB, CAROL, DAVE]);
});

Deno.test("an add dated like the ban or before does not readmit", () => {
  for (const [add, member] of [[2, false], [3, false], [4, true]] as const) {
    const roster = rosterAfter([
      ...[decision("ban", DAVE, 3), decision("add", DAVE, add), decision("unban", DAVE, 9)],
    ]);
    strictEqual(roster.isMember(DAVE), member, `${add}`);
  }
  for (const [promote, admin] of [[2, false], [3, false], [4, true]] as const) {
    const roster = rosterAfter([
      ...[decision("ban", DAVE, 3), decision("promote", DAVE, promote), decision("unban", DAVE, 9)],
    ]);
    strictEqual(roster.isAdmin(DAVE), admin, `${promote}`);
  }
});

Deno.test("promote and demote move the governance set, and a seat is no part of it", () => {
  const roster = rosterAfter([
    decision("promote", DAVE, 1),
    decision("promote", BOB, 1),
    decision("demote", BOB, 2),
    decision("remove", CAROL, 2),
    decision("promote", CAROL, 1),
  ]);
  deepStrictEqual([...roster.admins], [ALICE, ...[CAROL, DAVE].sort()]);
  ok(!roster.isMember(DAVE) && !roster.isMember(CAROL));
});

Deno.test("with governance of all every member is an admin unless it was demoted", () => {
  const roster = rosterAfter([
    ...[decision("demote", BOB, 1), decision("add", DAVE, 1), decision("promote", ERIN, 1)],
    ...[decision("add", FRANK, 1), decision("remove", FRANK, 2)],
  ], { governance: "all" });
  deepStrictEqual([...roster.admins], [ALICE, ...[CAROL, DAVE, ERIN].sort()]);
});

Deno.test("nothing is done to the owner", () => {
  const roster = rosterAfter([
    ...(["remove", "demote", "ban", "mute"] as const).map((op) => decision(op, ALICE, 9, BOB)),
    decision("read-only", "", 9),
  ], { members: [], governance: "all" });
  deepStrictEqual([...roster.members], [ALICE]);
  deepStrictEqual([...roster.admins], [ALICE]);
  strictEqual(roster.banned.size + roster.muted.size, 0);
  strictEqual(roster.mayPost(ALICE), undefined);
  strictEqual(roster.refusalOf(ALICE, 10n), undefined);
});

Deno.test("a group has at most 256 members: the owner, whom the flags list, then the oldest adds", () => {
  const added = Array.from(
    { length: 300 },
    (_, index) => decision("add", keyNumber(index), 300 - index),
  );
  const roster = rosterAfter(added);
  strictEqual(roster.members.size, MAX_MEMBERS);
  const oldest = added.toReversed().slice(0, MAX_MEMBERS - 3).map(({ peer }) => peer);
  deepStrictEqual([...roster.members], [ALICE, BOB, CAROL, ...oldest]);
  // Who found no room was not put out.
  strictEqual(roster.refusalOf(keyNumber(0), 1n), undefined);
  const room = rosterAfter([...added, decision("remove", BOB, 400)]);
  ok(room.isMember(keyNumber(300 - MAX_MEMBERS + 2)));
  const flags = rosterAfter([], {
    members: Array.from({ length: 400 }, (_, index) => keyNumber(index)),
  });
  deepStrictEqual([...flags.members].slice(0, 2), [ALICE, keyNumber(0)]);
  strictEqual(flags.members.size, MAX_MEMBERS);
  deepStrictEqual(flags.removedByFlags, []);
});

Deno.test("adds of the same nanosecond sort by key", () => {
  const keys = Array.from({ length: 300 }, (_, index) => keyNumber(index));
  const roster = rosterAfter(keys.toReversed().map((key) => decision("add", key, 1)), {
    members: [],
  });
  deepStrictEqual([...roster.members], [ALICE, ...keys.slice(0, MAX_MEMBERS - 1)]);
});

Deno.test("mayPost has the texts of groups.md 1.7, first hit first", () => {
  const all = [
    ...[decision("ban", BOB, 1), decision("mute", BOB, 1), decision("mute", CAROL, 1)],
    ...[decision("read-only", "", 1), decision("remove", ERIN, 1), decision("promote", DAVE, 1)],
  ];
  const members = [ALICE, BOB, CAROL, DAVE, ERIN, FRANK];
  const texts = (roster: Roster) => members.map((pk) => roster.mayPost(pk));
  deepStrictEqual(texts(rosterAfter(all, { members, kind: "channel" })), [
    ...[undefined, BANNED, RESTRICTED, undefined, CHANNEL, CHANNEL],
  ]);
  deepStrictEqual(texts(rosterAfter(all, { members })), [
    ...[undefined, BANNED, RESTRICTED, undefined, READ_ONLY, READ_ONLY],
  ]);
  const open = rosterAfter([...all, decision("read-write", "", 2)], { members });
  deepStrictEqual(texts(open), [
    ...[undefined, BANNED, RESTRICTED, undefined, "you were removed from this group", undefined],
  ]);
  strictEqual(
    rosterAfter([decision("mute", BOB, 1), decision("promote", BOB, 1)]).mayPost(BOB),
    RESTRICTED,
  );
  strictEqual(
    rosterAfter([decision("mute", BOB, 1), decision("unmute", BOB, 2)]).mayPost(BOB),
    undefined,
  );
  strictEqual(open.mayPost(keyNumber(7)), undefined);
});

Deno.test("refusalOf: a ban and a channel concern messages of every age", () => {
  const banned = rosterAfter([decision("ban", BOB, 50), decision("mute", BOB, 10)]);
  for (const ts of [ZERO_TIME, -1n, 0n, 9n, 50n, 99n]) {
    strictEqual(banned.refusalOf(BOB, ts), "banned");
  }
  strictEqual(
    rosterAfter([decision("ban", BOB, 5), decision("unban", BOB, 6)]).refusalOf(BOB, 4n),
    undefined,
  );
  const channel = rosterAfter([decision("promote", CAROL, 5)], { kind: "channel" });
  for (const ts of [ZERO_TIME, 0n, 99n]) {
    strictEqual(channel.refusalOf(BOB, ts), "channel is admins-only");
    strictEqual(channel.refusalOf(DAVE, ts), "channel is admins-only");
    strictEqual(channel.refusalOf(CAROL, ts), undefined);
    strictEqual(channel.refusalOf(ALICE, ts), undefined);
  }
});

Deno.test("refusalOf: mute, read-only and remove concern messages from their beginning on", () => {
  const history = [
    ...[decision("mute", BOB, 10), decision("read-only", "", 20), decision("promote", DAVE, 1)],
    ...[decision("mute", DAVE, 30), decision("remove", ERIN, 15)],
  ];
  const roster = rosterAfter(history);
  strictEqual(roster.muted.get(BOB), 10n);
  strictEqual(roster.readOnlySince, 20n);
  const verdicts = (pk: string, ...times: bigint[]) => times.map((ts) => roster.refusalOf(pk, ts));
  deepStrictEqual(verdicts(BOB, 9n, 10n, 25n, ZERO_TIME), [undefined, "muted", "muted", "muted"]);
  const readOnly = "group is read-only";
  deepStrictEqual(verdicts(CAROL, 19n, 20n, ZERO_TIME), [undefined, readOnly, readOnly]);
  deepStrictEqual(verdicts(DAVE, 25n, 29n, 30n), [undefined, undefined, "muted"]);
  deepStrictEqual(verdicts(ERIN, 14n, 15n, 20n, ZERO_TIME), [
    ...[undefined, "removed", readOnly, readOnly],
  ]);
  deepStrictEqual(verdicts(ALICE, 99n, ZERO_TIME), [undefined, undefined]);
  // A stranger's message is delivered: a partial mesh mirrors whom we do not list.
  strictEqual(rosterAfter([]).refusalOf(FRANK, 99n), undefined);
});

Deno.test("refusalOf: a newer add ends a remove, and admins are removed like anybody", () => {
  const removed = [decision("remove", BOB, 10), decision("promote", BOB, 11)];
  strictEqual(rosterAfter(removed).refusalOf(BOB, 12n), "removed");
  strictEqual(rosterAfter([...removed, decision("add", BOB, 20)]).refusalOf(BOB, 12n), undefined);
  strictEqual(rosterAfter([...removed, decision("add", BOB, 10)]).refusalOf(BOB, 12n), "removed");
  const later = [decision("ban", BOB, 2), decision("unban", BOB, 3), decision("remove", BOB, 10)];
  strictEqual(rosterAfter(later).refusalOf(BOB, 9n), undefined);
  strictEqual(rosterAfter(later).refusalOf(BOB, 10n), "removed");
});

Deno.test("read-write and backfill-on undo what they are about", () => {
  strictEqual(rosterAfter([decision("backfill-off", "", 1)]).backfill, false);
  strictEqual(
    rosterAfter([decision("backfill-off", "", 1), decision("backfill-on", "", 2)]).backfill,
    true,
  );
  strictEqual(rosterAfter([decision("backfill-on", "", 2)], { kind: "channel" }).backfill, false);
  const roster = rosterAfter([decision("read-only", "", 1), decision("read-write", "", 2)]);
  strictEqual(roster.readOnlySince, undefined);
  strictEqual(roster.refusalOf(BOB, 1n), undefined);
});
