/** Nodes under a visor whose key is not that of their links: feeds and groups go by the latter (visor.md 7.5). */
import assert from "node:assert/strict";
import { ask, eventsUntil, keyOf, secretOf } from "#support/cxo_app.ts";
import {
  endOf,
  postTo,
  seen,
  send,
  startUnder,
  statusOf,
  until,
  withVisors,
} from "#support/embedded_apps.ts";
import { type App, startApp } from "#support/spawn.ts";

const BOB = keyOf(9);

/** What a node says of its own feed. */
async function feedOf(app: App): Promise<{ seq: unknown; messages: unknown }> {
  const { seq, messages } = (await ask(app, "/status")).cxo;
  return { seq, messages };
}

/** Texts of `/events`, up to one that is sent now. */
async function eventTexts(app: App, mark: string): Promise<string[]> {
  assert.equal((await postTo(app, "message", { recipient: BOB, message: mark })).status, 200);
  const events = await eventsUntil(app, (shown) => shown.some(({ text }) => text === mark));
  const texts = events.map(({ text }) => text);
  assert.ok(texts.includes(mark));
  return texts.slice(0, texts.indexOf(mark));
}

Deno.test("a node under a visor keeps its own feed over a restart, though a whitelist names others only", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    await Deno.writeTextFile(`${folder}/whitelist`, `${BOB}\n`);
    const flags = ["--sk", secretOf(1), "--cxo", "--cxo-listen", "127.0.0.1:0", "--persist"];
    const start = async () => {
      const app = await startUnder(one, [
        ...flags,
        ...["--persist-whitelist", `${folder}/whitelist`],
      ], { cwd: folder, fields: { proc_work_dir: folder } });
      apps.push(app);
      return app;
    };
    const before = await start();
    assert.notEqual(one.visorKey.hex, keyOf(1));
    assert.equal((await statusOf(before)).tcp_pk, keyOf(1));
    for (const message of ["one", "two"]) {
      assert.equal((await postTo(before, "message", { recipient: BOB, message })).status, 200);
    }
    assert.ok(await until(async () => (await feedOf(before)).seq !== null));
    assert.equal((await feedOf(before)).messages, 2);
    assert.equal(await before.stop("SIGINT"), 0);
    const again = await start();
    assert.equal((await feedOf(again)).messages, 2, "the feed is kept");
    assert.notEqual((await feedOf(again)).seq, null);
  });
});

Deno.test("what a node took back is in no stream, whichever of its keys it went out by", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    const flags = ["--sk", secretOf(1), "--cxo", "--cxo-listen", "127.0.0.1:0", "--persist"];
    const files = ["--persist-db", `${folder}/history.db`];
    const alone = await startApp([...flags, ...files], { cwd: folder });
    apps.push(alone);
    const write = async (app: App, message: string): Promise<string> => {
      const reply = await postTo(app, "message", { recipient: BOB, message, receipts: true });
      assert.equal(reply.status, 200);
      return (await reply.json()).id;
    };
    const ids = [await write(alone, "before there was a visor")];
    assert.equal(await alone.stop(), 0);
    const app = await startUnder(one, [...flags, ...files], { cwd: folder });
    apps.push(app);
    ids.push(await write(app, "over the feed"));
    await write(app, "stays");
    for (const id of ids) {
      assert.equal((await postTo(app, "delete", { pk: BOB, id })).status, 204);
    }
    assert.deepEqual(await eventTexts(app, "mark"), ["stays"]);
    const history: { text: string }[] = await ask(app, `/history?peer=${BOB}`);
    assert.deepEqual(history.map(({ text }) => text), ["stays", "mark"]);
  });
});

Deno.test("what is for one person goes to that person, though the node was started in a group", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const group = ["--cxo-group", crypto.randomUUID(), "--cxo-group-owner", keyOf(1)];
    const sender = await startUnder(one, [
      ...["--sk", secretOf(1), "--cxo-listen", "127.0.0.1:0", "--group-dir", `${folder}/1`],
      ...group,
    ], { cwd: folder });
    const receiver = await startUnder(two, [], { cwd: folder });
    apps.push(sender, receiver);
    for (const network of ["skynet", "dmsg", "auto"]) {
      assert.equal(await send(sender, two.visorKey.hex, network, "--net", network), "sent");
    }
    assert.deepEqual((await seen(receiver, 3)).map(([text]) => text), ["skynet", "dmsg", "auto"]);
    assert.equal((await postTo(sender, "message", { message: "for all" })).status, 200);
    const shown = await eventsUntil(
      sender,
      (events) => events.some(({ text }) => text === "for all"),
      "since=0&channel=group",
    );
    assert.deepEqual(shown.map(({ text }) => text), ["for all"]);
  });
});

Deno.test("members of a group under visors know each other by the keys of their links", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const flags = (who: number) => ["--sk", secretOf(who), "--cxo-listen", "127.0.0.1:0"];
    const [owner, member] = [
      await startUnder(one, [...flags(1), "--group-dir", `${folder}/1`], {
        cwd: folder,
      }),
      await startUnder(two, [...flags(2), "--group-dir", `${folder}/2`], {
        cwd: folder,
      }),
    ];
    apps.push(owner, member);
    const body = { name: "ops", members: [keyOf(2)] };
    const { info, invite, start } = await (await postTo(owner, "group", body)).json();
    assert.match(start.owner, /^skychat app --addr 127\.0\.0\.1:0 --cxo-group /);
    const catalog = await fetch(`http://${owner.addr}/group/catalog`);
    assert.deepEqual([catalog.status, await catalog.text()], [501, "not supported\n"]);
    assert.deepEqual([info.self_pk, info.owner_pk], [keyOf(1), keyOf(1)]);
    assert.notEqual(info.self_pk, (await statusOf(owner)).visor_pk);
    assert.equal(info.self_pk, (await statusOf(owner)).tcp_pk);
    assert.equal((await postTo(member, "group/join", { invite })).status, 200);
    assert.ok(
      await until(async () => {
        const { groups } = await ask(member, "/status");
        return groups[0]?.members_connected === 1;
      }),
    );
    assert.equal((await postTo(owner, `group/${info.id}/send`, { text: "hello" })).status, 204);
    const events = await eventsUntil(
      member,
      (shown) => shown.some(({ text }) => text === "hello"),
      "since=0&channel=group",
    );
    const [first] = events.filter(({ text }) => text === "hello");
    assert.equal(first?.from, keyOf(1));
    // A visor that is gone ends a node that has nothing else; these have a group by now.
    await one.stop();
    await owner.waitForLog("skychat: visor lost: ");
    assert.equal((await postTo(owner, `group/${info.id}/send`, { text: "alone" })).status, 204);
    assert.equal(await endOf(owner), 0);
  });
});
