/** Private groups: who reads what, and what of the keys is on disk. */
import assert from "node:assert/strict";
import { keyOf, secretOf } from "#support/cxo_app.ts";
import { SecretKey } from "#crypto";
import { utf8 } from "#kit";
import { GROUP, type Member, withMembers } from "#support/group_app.ts";
import { openStoredKey } from "../../lib/group/group_cipher.ts";

const PRIVATE = ["--cxo-group-mode", "private"];

/** Whether it writes with the key of this epoch. */
const atEpoch = (epoch: number) => (info: { key_epoch?: number }) => info.key_epoch === epoch;

Deno.test("a private group: the kicked do not read on, late ones read what the key opens", () =>
  withMembers(async (scene) => {
    const options = { group: GROUP, persist: true, flags: PRIVATE };
    const owner = await scene.start({ ...options, who: 1 });
    for (const who of [2, 3]) await owner.act("add", { pk: keyOf(who) });
    const second = await scene.start({ ...options, who: 2, peers: [owner.spec] });
    const third = await scene.start({ ...options, who: 3, peers: [owner.spec, second.spec] });
    const members = [owner, second, third];
    await Promise.all([second, third].map((member) => member.app.waitForLog("rotated group key")));
    await Promise.all(members.map((member) => member.follows(members)));
    for (const [index, member] of members.entries()) await member.send(`secret ${index}`);
    const secrets = ["secret 0", "secret 1", "secret 2"];
    for (const member of members) {
      assert.deepEqual((await member.texts(secrets)).toSorted(), secrets, member.pk);
    }
    const before = await owner.info();
    assert.deepEqual([before.mode, before.kind, before.governance_sealed], [
      ...["private", "private", true],
    ]);

    const { key_epoch: epoch } = await owner.act("remove", second);
    assert.equal(epoch, before.key_epoch + 1);
    await third.infoWhen(atEpoch(epoch));
    await owner.send("not for the second");
    await third.send("nor this");
    await third.texts(["not for the second"]);
    await owner.texts(["nor this"]);

    // A late one gets the key of now: of what was said before it opens nothing (groups.md 3.6).
    await owner.act("add", { pk: keyOf(4) });
    const peers = [owner.spec, third.spec];
    const fourth = await scene.start({ ...options, who: 4, peers });
    await fourth.infoWhen(atEpoch(epoch));
    await owner.send("welcome");
    assert.deepEqual(
      (await fourth.texts(["welcome", "not for the second", "nor this"])).toSorted(),
      [
        ...["nor this", "not for the second", "welcome"],
      ],
    );

    const seated = [owner, third, fourth];
    await rotatedByHand(seated, epoch);
    const said = [...secrets, "not for the second", "nor this", "welcome"];
    await afterRestart({ seated, kicked: second }, { epoch: epoch + 2, said });
    const heard = await second.toldBefore("I hear nothing");
    assert.deepEqual(heard.toSorted(), secrets, "the kicked one reads nothing new");
    assert.equal((await second.info()).key_epoch, before.key_epoch);
    await keysAreSealed(scene.folder, seated);
  }));

/** Two rotations of the owner, over HTTP and by the command. */
async function rotatedByHand(seated: readonly Member[], epoch: number): Promise<void> {
  const [owner, ...others] = seated;
  assert.ok(owner);
  const { body: rotated } = await owner.request("POST", `/group/${GROUP}/rotate-key`);
  assert.deepEqual([rotated.epoch, rotated.recipients], [epoch + 1, 2]);
  const printed = await owner.cli("rotate-key", GROUP);
  assert.equal(
    printed.stdout,
    `group ${GROUP} re-keyed\n  key epoch: ${epoch + 2}\n  sealed for: 2 member(s)\n`,
  );
  for (const member of others) await member.infoWhen(atEpoch(epoch + 2));
}

/** Everybody starts again, without being told where the others are: keys are there, and old texts too. */
async function afterRestart(
  { kicked, seated }: { readonly seated: readonly Member[]; readonly kicked: Member },
  { epoch, said }: { readonly epoch: number; readonly said: readonly string[] },
): Promise<void> {
  const [owner] = seated;
  assert.ok(owner);
  await Promise.all([...seated, kicked].map((member) => member.restart({ peers: [] })));
  await Promise.all(seated.map((member) => member.follows(seated)));
  for (const member of seated) {
    assert.equal((await member.info()).key_epoch, epoch, "the key came back from disk");
    await member.send(`after restart ${member.pk.slice(0, 8)}`);
  }
  const after = seated.map(({ pk }) => `after restart ${pk.slice(0, 8)}`);
  const [shown] = await Promise.all(seated.map((member) => member.texts(after)));
  assert.deepEqual(shown?.toSorted(), [...said, ...after].toSorted());
  await kicked.app.waitForLog(`reconnect ${owner.pk}: subscribe rejected`);
}

/** No text of the group and no key is in a file of the groups; keys there are sealed with the identity. */
async function keysAreSealed(folder: string, members: readonly Member[]): Promise<void> {
  for (const [index, member] of members.entries()) {
    assert.equal(await member.app.stop(), 0);
    const path = `${member.groupDir}/${GROUP}/record.json`;
    const info = await Deno.stat(path);
    assert.equal((info.mode ?? 0) & 0o777, 0o600, path);
    const record = JSON.parse(await Deno.readTextFile(path));
    assert.equal(record.aes_key, undefined);
    assert.equal(typeof record.aes_key_sealed, "string");
    // nonce, key, tag
    assert.equal(Uint8Array.fromBase64(record.aes_key_sealed).length, 12 + 32 + 16);
    for (const { key, key_sealed } of record.key_ring ?? []) {
      assert.deepEqual([key, typeof key_sealed], [undefined, "string"]);
    }
    const keys = keysIn(record, SecretKey.parse(secretOf([1, 3, 4][index] ?? 0)));
    assert.ok(keys.length > (index === 2 ? 2 : 3), "the seals open with the identity");
    const forms = keys.flatMap((key) => [key, utf8(key.toBase64()), utf8(key.toHex())]);
    for await (const file of filesUnder(folder)) {
      const bytes = await Deno.readFile(file);
      for (const form of forms) assert.ok(!includes(bytes, form), `${file} has a key`);
    }
  }
}

interface StoredRecord {
  readonly aes_key_sealed: string;
  readonly key_ring?: readonly { readonly epoch: number; readonly key_sealed: string }[];
}

/** The keys that a record holds, opened with the identity. */
function keysIn(
  { aes_key_sealed, key_ring = [] }: StoredRecord,
  identity: SecretKey,
): Uint8Array[] {
  const open = (sealed: string, epoch?: bigint) =>
    openStoredKey(identity, Uint8Array.fromBase64(sealed), {
      groupId: GROUP,
      ...(epoch !== undefined && { epoch }),
    }) ?? [];
  return [
    open(aes_key_sealed),
    ...key_ring.map(({ epoch, key_sealed }) => open(key_sealed, BigInt(epoch))),
  ].filter((key) => key instanceof Uint8Array);
}

async function* filesUnder(folder: string): AsyncGenerator<string> {
  for await (const { isDirectory, name } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesUnder(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const [first = 0] = part;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

Deno.test("a node that was started private on the id of a public group breaks nothing there", () =>
  withMembers(async (scene) => {
    const owner = await scene.start({ who: 1, group: GROUP });
    for (const who of [2, 3]) await owner.act("add", { pk: keyOf(who) });
    const second = await scene.start({ who: 2, group: GROUP, peers: [owner.spec] });
    const wrong = await scene.start({
      ...{ who: 3, group: GROUP, peers: [owner.spec, second.spec], flags: PRIVATE },
    });
    await Promise.all([
      ...[owner, second].map((member) => member.follows([owner, second, wrong])),
      wrong.follows([owner, second]),
    ]);
    await owner.send("in clear");
    await second.texts(["in clear"]);
    // It has no key, so it says nothing rather than something that nobody can read.
    const refused = await wrong.request("POST", "/message", { recipient: "", message: "sealed?" });
    assert.equal(refused.status, 503);
    assert.match(refused.body, /^cxo publish: group: no group key held yet/);
    const cannot = await wrong.request("POST", `/group/${GROUP}/members/ban`, { pk: owner.pk });
    assert.equal(cannot.status, 403);
    await second.send("still here");
    await owner.texts(["in clear", "still here"]);
    // What is not sealed does not belong into the group that it takes part in.
    await wrong.infoWhen(({ peer_update_count: counts = {} }) => counts[second.pk] >= 2);
    assert.equal((await wrong.info()).deliver_count, 0);

    // An owner that forgot what the group was is told, and its node takes no part in it.
    const reopened = "cxo startup failed: cxo-group: open";
    await owner.restart({ flags: PRIVATE });
    await owner.app.waitForLog(reopened);
    // One that has nothing to tell by seals; the members of the public group pass that over.
    await owner.app.kill();
    await Deno.remove(owner.groupDir, { recursive: true });
    await owner.again({ flags: PRIVATE });
    for (const who of [2, 3]) await owner.act("add", { pk: keyOf(who) });
    await second.app.waitForLog("cxo-group lost");
    await owner.follows([second]);
    const sealed = await owner.request("POST", "/message", { recipient: "", message: "sealed" });
    assert.equal(sealed.status, 200);
    const { peer_update_count: counts } = await second.info();
    await second.infoWhen(({ peer_update_count: now }) => now[owner.pk] > counts[owner.pk]);
    assert.deepEqual(await second.toldBefore("anybody?"), ["in clear", "still here"]);
    assert.equal((await second.info()).mode, "public");
    assert.deepEqual((await second.info()).members.length, 3);
  }));
