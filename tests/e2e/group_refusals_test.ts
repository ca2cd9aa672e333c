/** What the nodes of a group refuse, with which status and text; unsend, leave and delete. */
import assert from "node:assert/strict";
import { ask, keyOf, secretOf } from "#support/cxo_app.ts";
import { openEventStream } from "#support/event_stream.ts";
import {
  GROUP,
  type Member,
  meshed,
  startGroup,
  storedOnce,
  withMembers,
} from "#support/group_app.ts";
import { run, startApp } from "#support/spawn.ts";

/** Every command of admins: path below the group, body, and how the refusal begins. */
function commandsAbout(pk: string): [string, unknown, string][] {
  return [
    ["members/add", { pk }, "AddMember: only admins can edit roster"],
    ["members/remove", { pk }, "RemoveMember: only admins can edit roster"],
    ["members/promote", { pk }, "PromoteAdmin: only admins can promote"],
    ["members/demote", { pk }, "DemoteAdmin: only admins can demote"],
    ["members/ban", { pk }, "Ban: only admins can moderate"],
    ["members/unban", { pk }, "Unban: only admins can moderate"],
    ["members/mute", { pk }, "Mute: only admins can moderate"],
    ["members/unmute", { pk }, "Unmute: only admins can moderate"],
    ["readonly", { read_only: true }, "SetReadOnly: only admins can moderate"],
    ["peer-backfill", { enabled: false }, "SetPeerBackfill: only admins can moderate"],
    ["rotate-key", undefined, "RotateKey: only admins can rotate the group key"],
  ];
}

/** That a request is answered with this status and text. */
async function answers(
  member: Member,
  [method, path, body]: readonly [string, string, unknown?],
  expected: readonly [number, string],
): Promise<void> {
  const answer = await member.request(method, path, body);
  assert.deepEqual([answer.status, answer.body], expected, `${method} ${path}`);
}

Deno.test("a member that is no admin gets 403 for every command, and nothing changes", () =>
  withMembers(async (scene) => {
    const [owner, member] = await startGroup(scene, { count: 2 });
    assert.ok(owner && member);
    await meshed([owner, member]);
    for (const pk of [owner.pk, keyOf(7)]) {
      for (const [path, body, text] of commandsAbout(pk)) {
        await answers(member, ["POST", `/group/${GROUP}/${path}`, body], [403, `group: ${text}`]);
      }
    }
    await answers(member, ["POST", `/group/${GROUP}/meta`, { name: "mine" }], [
      400,
      "group: rename: only the founding visor can change this — members take name and picture " +
      "from it",
    ]);
    await answers(member, ["DELETE", `/group/${GROUP}`], [
      ...[403, "group: Delete: only admins can revoke a group; use Leave to depart"] as const,
    ]);
    const { admins, banned, can_post, members, read_only } = await member.info();
    assert.deepEqual({ admins, banned, can_post, members, read_only }, {
      ...{ admins: [owner.pk], banned: undefined, can_post: true, read_only: undefined },
      members: (await owner.info()).members,
    });
    await answers(
      owner,
      ["POST", `/group/${GROUP}/members/ban`, { pk: "nobody" }],
      [
        ...[
          400,
          (await owner.request("POST", `/group/${GROUP}/members/ban`, { pk: "nobody" })).body,
        ],
      ] as const,
    );
    await answers(owner, ["POST", "/group/other/send", { text: "x" }], [404, "no such group"]);
  }));

Deno.test("a group whose id is no UUID carries messages, and refuses decisions with 409", () =>
  withMembers(async (scene) => {
    const group = "team-room";
    const place = `tcp://${keyOf(2)}@127.0.0.1:1`;
    const owner = await scene.start({ who: 1, group, peers: [place] });
    const member = await scene.start({ who: 2, group, peers: [owner.spec] });
    await meshed([owner, member]);
    await owner.send("hello", group);
    await member.send("hello back", group);
    for (const one of [owner, member]) {
      assert.deepEqual((await one.texts(["hello", "hello back"])).length, 2);
      for (const [path, body] of commandsAbout(keyOf(7))) {
        await answers(one, ["POST", `/group/${group}/${path}`, body], [
          ...[409, "group id is not a UUID; roster changes need one"] as const,
        ]);
      }
    }
    const upper = await scene.start({ who: 3, group: GROUP.toUpperCase(), owner: 3 });
    await upper.app.waitForLog(`cxo-group id ${GROUP.toUpperCase()} is used as ${GROUP}`);
    await upper.act("add", { pk: keyOf(7) });
  }));

Deno.test("what its author takes back is gone everywhere, also for those who come later", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 3, persist: true });
    const [owner, author, other] = members;
    assert.ok(owner && author && other);
    await meshed(members);
    await owner.send("stays");
    const ts = await author.send("a secret");
    for (const member of members) await member.texts(["stays", "a secret"]);
    const away = other;
    await away.app.kill();
    const path = `/group/${GROUP}/message?ts=${ts}`;
    await answers(owner, ["DELETE", path], [404, "no message of yours with that time"]);
    await answers(author, ["DELETE", `/group/${GROUP}/message?ts=1`], [
      ...[404, "no message of yours with that time"] as const,
    ]);
    await answers(author, ["DELETE", `/group/${GROUP}/message`], [400, "ts (unixnano) required"]);
    const stream = await openEventStream(`http://${owner.app.addr}/sse`);
    try {
      await stream.take(2);
      await answers(author, ["DELETE", path], [204, ""]);
      const [line] = await stream.take(1);
      assert.deepEqual({ ...line, deleted_ts_nano: 0 }, {
        ...{ channel: "group-delete", group_id: GROUP, deleted_by: author.pk, deleted_ts_nano: 0 },
      });
    } finally {
      await stream.close();
    }
    await answers(author, ["DELETE", path], [404, "no message of yours with that time"]);
    await away.again();
    await meshed(members);
    await owner.send("afterwards");
    for (const member of members) {
      await member.texts(["afterwards"]);
      const shown = await member.events((events) =>
        events.some(({ text }) => text === "afterwards")
      );
      assert.deepEqual(shown.map(({ text }) => text), ["stays", "afterwards"], member.pk);
    }
    await storedOnce(members, ["stays", "afterwards"]);

    await owner.act("add", { pk: keyOf(4) });
    await Promise.all(members.map((member) => member.restart()));
    await meshed(members);
    for (const from of members) {
      const late = await scene.start({ who: 4, group: GROUP, peers: [from.spec], listen: "" });
      await late.follows([from]);
      assert.deepEqual(await late.texts(["stays", "afterwards"]), ["stays", "afterwards"]);
      await late.app.kill();
      await Deno.remove(late.groupDir, { recursive: true });
    }
    await storedOnce(members, ["stays", "afterwards"]);
  }));

Deno.test("who leaves is gone from its own node; an admin says so first; delete ends it here only", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 3, persist: true });
    const [owner, admin, member] = members;
    assert.ok(owner && admin && member);
    await meshed(members);
    await owner.act("promote", admin);
    await admin.decisions([`admin promote ${admin.pk}`]);
    await owner.send("before");
    await member.texts(["before"]);

    const left = await member.cli("leave", GROUP);
    assert.deepEqual([left.code, left.stdout], [0, `left ${GROUP}\n`], left.stderr);
    await answers(member, ["GET", "/group"], [503, "groups disabled (visor RPC unavailable)"]);
    assert.deepEqual((await ask(member.app, "/status")).groups, []);
    assert.equal(await statusOf(member), "left");
    assert.equal((await owner.info()).members.length, 3, "an ordinary member says no goodbye");
    assert.deepEqual(await member.history(), await owner.history(), "what it heard stays there");

    await answers(admin, ["POST", `/group/${GROUP}/leave`], [204, ""]);
    await owner.decisions([`roster remove ${admin.pk}`]);
    assert.deepEqual((await owner.info()).members, [owner.pk, member.pk]);
    const deleted = await owner.cli("delete", GROUP);
    assert.deepEqual([deleted.code, deleted.stdout], [0, `deleted ${GROUP}\n`], deleted.stderr);
    assert.equal(await statusOf(owner), "revoked");
    assert.equal(await owner.app.stop(), 0);

    // A place is free again.
    const created = await member.cli("create", "-n", "another");
    assert.equal(created.code, 0, created.stderr);
  }));

/** What the record of a node says of the group. */
async function statusOf(member: Member): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${member.groupDir}/${GROUP}/record.json`)).status;
}

Deno.test("one process has one group, and its key has one feed: create and join say so", () =>
  withMembers(async (scene) => {
    const [owner] = await startGroup(scene, { count: 1 });
    const other = await scene.start({ who: 2 });
    assert.ok(owner);
    const text =
      `this node is in the group "${GROUP}", and one process has one group: start another ` +
      "with --addr and --cxo-listen of its own";
    await answers(owner, ["POST", "/group", { name: "second" }], [409, text]);
    const created = await other.request("POST", "/group", { name: "elsewhere" });
    assert.equal(created.status, 200);
    const { invite } = created.body;
    await answers(owner, ["POST", "/group/join", { invite }], [409, text]);
    const both = await Promise.all(
      [1, 2].map(() => owner.request("POST", "/group", { name: "at once" })),
    );
    assert.deepEqual(both.map(({ status }) => status), [409, 409]);
    await answers(owner, ["POST", "/group", { name: " " }], [400, "name required"]);
    await answers(owner, ["POST", "/group/join", {}], [400, "invite or address required"]);
    const free = await scene.start({ who: 3 });
    const bad = await free.request("POST", "/group/join", { invite: "skychat:invite:!" });
    assert.equal(bad.status, 400);
    assert.match(bad.body, /^group invite: base64 decode: /);
    const short = await free.request("POST", "/group/join", { address: `${owner.pk}/${GROUP}` });
    assert.equal(short.status, 501);

    const feeds = scene.keep(
      await startApp(["--sk", secretOf(5), "--cxo", "--cxo-listen", "127.0.0.1:0"]),
    );
    const random = scene.keep(await startApp([]));
    for (
      const [app, reason] of [
        [feeds, "this node runs --cxo, and its feed cannot carry a group as well"],
        [random, "this node's key is random and changes at every start"],
      ] as const
    ) {
      for (const args of [["create", "-n", "x"], ["join", invite]]) {
        const [command = "", ...rest] = args;
        const refused = await run(["group", command, "--addr", app.addr, ...rest]);
        assert.deepEqual([refused.code, refused.stdout], [1, ""]);
        assert.ok(refused.stderr.includes(reason), refused.stderr);
      }
      const reply = await fetch(`http://${app.addr}/group`, {
        method: "POST",
        body: JSON.stringify({ name: "x" }),
      });
      await reply.body?.cancel();
      assert.equal(reply.status, 409);
    }
    const won = await scene.start({ who: 6, group: GROUP, flags: ["--cxo"] });
    await won.app.waitForLog("--cxo with --cxo-group: the group wins");
    await won.app.waitForLog(`cxo-group "${GROUP}" OPEN as`);
  }));
