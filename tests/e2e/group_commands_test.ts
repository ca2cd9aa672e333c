/** Every `skychat group …` against real nodes, with the output of groups.md 6.6. */
import assert from "node:assert/strict";
import { keyOf } from "#support/cxo_app.ts";
import { GROUP, type Member, meshed, startGroup, withMembers } from "#support/group_app.ts";
import { startCommand } from "#support/spawn.ts";

/** Somebody who never comes. */
const ABSENT = keyOf(7);

/** That a command ends well and prints exactly this. */
async function prints(member: Member, args: readonly string[], lines: string[]): Promise<void> {
  const { code, stderr, stdout } = await member.cli(...args);
  assert.deepEqual([code, stderr, stdout], [0, "", `${lines.join("\n")}\n`], args.join(" "));
}

/** That a command fails and says so. */
async function fails(member: Member, args: readonly string[], text: RegExp): Promise<void> {
  const { code, stderr, stdout } = await member.cli(...args);
  assert.deepEqual([code === 0, stdout], [false, ""], args.join(" "));
  assert.match(stderr, text);
}

Deno.test("the commands of admins print what they did, and their errors", () =>
  withMembers(async (scene) => {
    const [owner, member] = await startGroup(scene, { count: 2, persist: true });
    assert.ok(owner && member);
    await meshed([owner, member]);
    const { pk } = member;
    await prints(owner, ["add", GROUP, ABSENT], [`group ${GROUP} now has 3 members`]);
    await prints(owner, ["add", GROUP, ABSENT], [`group ${GROUP} now has 3 members`]);
    await prints(owner, ["kick", GROUP, ABSENT], [`group ${GROUP}: kick ${ABSENT}`]);
    await prints(owner, ["ban", GROUP, ABSENT], [`group ${GROUP}: ban ${ABSENT}`]);
    await fails(owner, ["add", GROUP, ABSENT], /peer is banned; unban before approving/);
    await prints(owner, ["unban", GROUP, ABSENT], [`group ${GROUP}: unban ${ABSENT}`]);
    await prints(
      owner,
      ["add", GROUP, `tcp://${ABSENT}@127.0.0.1:1`],
      [`group ${GROUP} now has 3 members`],
    );
    await prints(owner, ["promote", GROUP, pk], [`group ${GROUP} now has 2 admin(s)`]);
    await member.decisions([`admin promote ${pk}`]);
    await prints(member, ["mute", GROUP, ABSENT], [`group ${GROUP}: mute ${ABSENT}`]);
    await owner.decisions([`mod mute ${ABSENT}`]);
    await prints(owner, ["unmute", GROUP, ABSENT], [`group ${GROUP}: unmute ${ABSENT}`]);
    await prints(owner, ["demote", GROUP, pk], [`group ${GROUP} now has 1 admin(s)`]);
    await member.decisions([`admin demote ${pk}`]);
    await prints(owner, ["readonly", GROUP, "on"], [`group ${GROUP} is read-only`]);
    await member.decisions(["mod read-only"]);
    await fails(member, ["send", GROUP, "may", "I"], /posting not permitted: group is read-only/);
    await prints(owner, ["readonly", GROUP, "off"], [`group ${GROUP} is open`]);
    await prints(owner, ["peer-backfill", GROUP, "no"], [
      `group ${GROUP} history served by: admins only`,
    ]);
    await prints(owner, ["peer-backfill", GROUP, "on"], [
      `group ${GROUP} history served by: any online member`,
    ]);
    await fails(owner, ["rotate-key", GROUP], /group: key rotation: group is not encrypted/);
    await fails(owner, ["readonly", GROUP, "maybe"], /invalid state "maybe" \(use on or off\)/);
    await fails(owner, ["create", "-n", "x", "--mode", "secret"], /invalid --mode "secret" \(use/);
    await fails(owner, ["kick", GROUP, "nobody"], /invalid pk "nobody"/);
    await fails(owner, ["kick", GROUP, owner.pk], /RemoveMember: cannot remove the founder/);
    await fails(owner, ["ban", GROUP, owner.pk], /Ban: gossip: cannot ban or mute founder/);
    await fails(owner, ["demote", GROUP, owner.pk], /DemoteAdmin: cannot demote the founder/);
    await fails(owner, ["info", "no-such-id"], /no such group/);
    const json = await owner.cli("add", GROUP, ABSENT, "--json");
    assert.deepEqual(JSON.parse(json.stdout).members.length, 3);
    assert.match(json.stdout, /^\{\n {2}"id": /);
    const error = await owner.cli("info", "no-such-id", "--json");
    assert.match(JSON.parse(error.stderr).error, /no such group/);
    assert.equal(error.code, 1);
  }));

Deno.test("list, info, send, history, listen and unsend print messages and the group", () =>
  withMembers(async (scene) => {
    const [owner, member] = await startGroup(scene, { count: 2, persist: true });
    assert.ok(owner && member);
    await meshed([owner, member]);
    const listener = scene.keep(
      startCommand(["group", "listen", "--addr", member.app.addr, GROUP]),
    );
    await listener.waitForOutput("Listening for group messages. Ctrl+C to exit.");
    await prints(owner, ["send", GROUP, "two", "words"], [`sent to ${GROUP}`]);
    await prints(member, ["send", GROUP, "-m", "a\\b\nc"], [`sent to ${GROUP}`]);
    const line = await listener.waitForOutput("two words");
    assert.match(line, new RegExp(`^\\[\\S+Z\\] \\[${GROUP}\\] ${owner.pk}: two words$`));
    await member.texts(["two words", "a\\b\nc"]);
    await owner.texts(["two words", "a\\b\nc"]);

    const seconds = (ts: string) => ts.replace(/\.\d+/, "");
    const [first, second] = await member.history();
    assert.ok(first && second);
    await prints(member, ["history", GROUP], [
      `[${seconds(first.ts)}] [${GROUP}] ${owner.pk}: two words`,
      `[${seconds(second.ts)}] [${GROUP}] ${member.pk}: a\\\\b\\nc`,
    ]);
    await prints(owner, ["history", GROUP, "-n", "1", "--raw"], [
      `[${seconds(second.ts)}] [${GROUP}] ${member.pk}: a\\b\nc`,
    ]);
    await prints(owner, ["history", GROUP, "--limit", "1", "--json"], [
      JSON.stringify({ ts: second.ts, group_id: GROUP, sender_pk: member.pk, body: "a\\b\nc" }),
    ]);
    await fails(owner, ["history", GROUP, "--raw", "--json"], /mutually exclusive/);
    await fails(owner, ["history"], /history: <group-id> required \(or use --list-groups\)/);
    const listed = await owner.cli("history", "--list-groups");
    assert.match(listed.stdout, new RegExp(`^ID +MESSAGES +LAST_MESSAGE\n${GROUP} +2 +\\S+Z\n$`));
    const table = await member.cli("list");
    assert.equal(
      table.stdout,
      `ID${" ".repeat(36)}NAME  MODE    ROLE    STATUS  MEMBERS  LAST_MESSAGE\n` +
        `${GROUP}        public  member  active  2        ${seconds(second.ts)}\n`,
    );
    await infoIsShown(owner, member);

    await fails(owner, ["unsend", GROUP, "now"], /invalid ts \(want UnixNano int\)/);
    const said = await owner.cli("send", GROUP, "a mistake", "--json");
    const when = /^\{"ts_nano":(\d+),"stored":true\}\n$/.exec(said.stdout)?.[1] ?? said.stdout;
    await member.texts(["a mistake"]);
    await prints(owner, ["unsend", GROUP, when], [`unsent ${when} from ${GROUP}`]);
    await member.send("all right");
    await owner.texts(["all right"]);
    for (const one of [owner, member]) await isForgotten(one, "a mistake");
    assert.equal(await listener.stop("SIGINT"), 0);
  }));

/** The lines of `info`, whose labels and columns people's scripts read. */
async function infoIsShown(owner: Member, member: Member): Promise<void> {
  const { stdout } = await owner.cli("info", GROUP);
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
  assert.match(
    stdout,
    new RegExp([
      `^id:                ${GROUP}`,
      "name: *",
      `owner:             ${owner.pk}`,
      `port:              ${owner.at.split(":")[1]}`,
      "mode:              public",
      "history_served_by: any online member",
      "join_cost_bits:    0",
      "role:              owner",
      "status:            active",
      `created_at:        ${time}`,
      `joined_at:         ${time}`,
      `last_message_at:   ${time}`,
      "subscriber_alive:  true",
      // Events that nobody read as they came count as dropped (messages.md 9).
      String.raw`sub_drop_count:    2 \(visor-wide gRPC fan-out\)`,
      String.raw`deliver_count:     \d+ \(visor-wide inbox enqueues\)`,
      String.raw`stream_send_count: \d+ \(visor-wide stream.Send\)`,
      String.raw`members \(2\):`,
      `  (${owner.pk}|${member.pk})`,
      `  (${owner.pk}|${member.pk})`,
      String.raw`admins \(1\):`,
      `  ${owner.pk}`,
      String.raw`peer_last_inbound \(1\):`,
      "  PEER {64}LAST_INBOUND {10}AGE +UPDATES",
      `  ${member.pk}  ${time}  \\d+s +\\d+`,
      "$",
    ].join("\n")),
  );
}

/** Waits until the history of a node does not show a text any more, which takes a batch of its author's. */
async function isForgotten(member: Member, text: string): Promise<void> {
  for (let look = 0;; look++) {
    const { stdout } = await member.cli("history", GROUP);
    if (!stdout.includes(text)) return;
    assert.ok(look < 20, stdout);
  }
}
