/** What programs see of a group: `POST /message`, `/sse`, `/events`, `/status` and the routes. */
import assert from "node:assert/strict";
import { ask, eventsUntil, keyOf } from "#support/cxo_app.ts";
import { openEventStream } from "#support/event_stream.ts";
import { GROUP, meshed, startGroup, withMembers } from "#support/group_app.ts";

Deno.test("a message to the group is on /sse, /events and /status of everybody", () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: 2 });
    const [owner, member] = members;
    assert.ok(owner && member);
    await meshed(members);
    const streams = await Promise.all(
      members.map(({ app }) => openEventStream(`http://${app.addr}/sse`)),
    );
    try {
      assert.deepEqual((await ask(owner.app, "/status")).groups[0].lag_seconds, null);
      const sent = await owner.request("POST", "/message", { recipient: "", message: "hello" });
      assert.deepEqual([sent.status, sent.body], [200, { ok: true, network: "cxo" }]);
      assert.match(sent.headers.get("content-type") ?? "", /^application\/json/);
      const shown = await Promise.all(streams.map((stream) => stream.take(1)));
      const [out, arrived] = shown.flat();
      const common = { len: 5, message: "hello", network: "cxo", sender: owner.pk };
      const { id, msg_ts, ts, ts_nano, ...rest } = arrived ?? {};
      assert.deepEqual(rest, { dir: "in", group_id: GROUP, ...common });
      assert.match(String(id), /^[0-9a-f]{16}$/);
      assert.ok([msg_ts, ts].every((time) => /Z$/.test(String(time))));
      assert.equal(typeof ts_nano, "number");
      assert.deepEqual(
        [out?.["dir"], out?.["message"], out?.["sender"], out?.["id"], out?.["to"]],
        ["out", "hello", owner.pk, id, undefined],
        "the id of a message is the same everywhere",
      );

      const [line] = await member.events((events) => events.length > 0);
      assert.deepEqual(
        { ...line, seq: 0, ts: "", msg_ts: "", ts_nano: 0, kept: undefined },
        {
          ...{ seq: 0, id, ts: "", channel: "group", transport: "cxo", dir: "in" },
          ...{ from: owner.pk, group_id: GROUP, text: "hello", len: 5, msg_ts: "", ts_nano: 0 },
          kept: undefined,
        },
      );
      const own = await owner.events((events) => events.length > 0);
      assert.deepEqual(own.map(({ dir, from }) => [dir, from]), [["out", owner.pk]], "no echo");

      for (const one of members) {
        const { groups, groups_error, inbound_msg_count } = await ask(one.app, "/status");
        assert.equal(groups_error, undefined);
        assert.equal(inbound_msg_count, one === owner ? 0 : 1);
        const [{ lag_seconds, last_message_at, ...entry }] = groups;
        assert.ok(Number.isInteger(lag_seconds) && lag_seconds >= 0, `${lag_seconds}`);
        assert.equal(last_message_at, msg_ts);
        assert.deepEqual(entry, {
          ...{ id: GROUP, name: "", role: one === owner ? "owner" : "member", status: "active" },
          ...{ mode: "public", encrypted: false, members_count: 2, members_connected: 1 },
          ...{ subscriber_alive: true, sub_drop_count: 0, listen: one.at },
        });
      }
    } finally {
      await Promise.all(streams.map((stream) => stream.close()));
    }
  }));

Deno.test("POST /message of a group: recipients, networks and texts as groups.md 6.2 says", () =>
  withMembers(async (scene) => {
    const [owner, member] = await startGroup(scene, { count: 2 });
    assert.ok(owner && member);
    await meshed([owner, member]);
    const ok = [200, { ok: true, network: "cxo" }];
    const post = async (body: unknown) => {
      const { body: answer, status } = await owner.request("POST", "/message", body);
      return [status, answer];
    };
    assert.deepEqual(await post({ recipient: "0".repeat(66), message: "to the zero key" }), ok);
    assert.deepEqual(await post({ recipient: member.pk, message: "to a key" }), ok);
    for (const network of ["auto", "skynet", "dmsg"]) {
      assert.deepEqual(await post({ recipient: "", message: `by ${network}`, network }), ok);
    }
    assert.deepEqual(await post({ recipient: "", message: "x", network: "pigeon" }), [
      ...[400, "invalid network type: use 'auto', 'skynet' or 'dmsg'"],
    ]);
    assert.equal((await post({ recipient: "02ab", message: "x" }))[0], 400);
    assert.equal((await post({ recipient: "", message: "" }))[0], 400);
    const long = await owner.request("POST", `/group/${GROUP}/send`, { text: "x".repeat(65_537) });
    assert.equal(long.status, 400);
    assert.equal((await owner.request("POST", `/group/${GROUP}/send`, { text: "" })).status, 400);
    await owner.send("x".repeat(65_536));

    // Structured bodies: as sent on /events, unwrapped on /sse; a lone surrogate is replaced.
    await member.events((events) => events.length >= 6);
    const stream = await openEventStream(`http://${member.app.addr}/sse`);
    try {
      const reply = JSON.stringify({
        skychat_reply: { to_sender: owner.pk, to_preview: "by auto", text: "a reply" },
      });
      await owner.send(reply);
      await owner.send(
        JSON.stringify({ skychat_file: { id: "f1", name: "plan.pdf", size: 12 } }),
      );
      await owner.send("half \ud83d of one");
      // A new reader gets the newest of before first: six.
      const shown = (await stream.take(9)).slice(6);
      assert.deepEqual(shown.map(({ message }) => message), [
        ...["a reply", "📎 plan.pdf", "half \ufffd of one"],
      ]);
      const raw = await member.texts([reply]);
      assert.ok(raw.includes(reply));
    } finally {
      await stream.close();
    }
    assert.deepEqual(await owner.request("GET", "/group").then(({ body }) => body.length), 1);
    for (const path of ["catalog", "resolve?address=x"]) {
      assert.equal((await owner.request("GET", `/group/${path}`)).status, 501, path);
    }
    assert.equal((await owner.request("PUT", `/group/${GROUP}`)).status, 405);
  }));

Deno.test("without a group the routes say that there is none, and /status too", () =>
  withMembers(async (scene) => {
    const node = await scene.start({ who: 1 });
    for (const path of ["/group", `/group/${GROUP}`]) {
      const { body, status } = await node.request("GET", path);
      assert.deepEqual([status, body], [503, "groups disabled (visor RPC unavailable)"]);
    }
    const { groups, groups_error } = await ask(node.app, "/status");
    assert.deepEqual([groups, groups_error], [[], "pair-rpc-disabled"]);
    const bad = await scene.start({ who: 2, group: "x", flags: ["--cxo-group-owner", "nobody"] });
    await bad.app.waitForLog(
      'skychat: cxo startup failed: cxo-group: invalid --cxo-group-owner "nobody":',
    );
    const refused = await bad.request("POST", "/message", { recipient: "", message: "x" });
    assert.deepEqual([refused.status, refused.body], [
      ...[503, "cxo publish: cxo publisher not ready"],
    ]);
    const skipped = await scene.start({ who: 3, group: GROUP, peers: ["nonsense"] });
    await skipped.app.waitForLog(
      'skychat: cxo-group skipping invalid --cxo-peer "nonsense": expected tcp://<feedpk>@',
    );
  }));

Deno.test("/events takes a group's own messages out, and names authors nobody listed", () =>
  withMembers(async (scene) => {
    const [owner] = await startGroup(scene, { count: 1 });
    assert.ok(owner);
    await owner.send("mine");
    const of = async (query: string) => {
      const events = await eventsUntil(owner.app, (shown) => shown.length > 0, query);
      return events.map(({ text }) => text);
    };
    assert.deepEqual(await of(`since=0&group=${GROUP}`), ["mine"]);
    await owner.act("add", { pk: keyOf(8) });
    assert.deepEqual(await of("since=0&channel=system"), [`roster add ${keyOf(8)}`]);
  }));
