/** From `group create` on a running node to a group whose nodes were started with the lines it printed. */
import assert from "node:assert/strict";
import { ask, eventsUntil, keyOf, NO_LIMITS, secretOf } from "#support/cxo_app.ts";
import { type GroupScene, withMembers } from "#support/group_app.ts";
import { type App, run, skychatCommand, startApp, startOther } from "#support/spawn.ts";

/** What `group create` printed. */
interface Printed {
  readonly id: string;
  readonly invite: string;
  readonly owner: string;
  readonly member: string;
}

function printedBy(stdout: string): Printed {
  const found = (pattern: RegExp) => {
    const text = pattern.exec(stdout)?.[1];
    assert.ok(text !== undefined, `${pattern} is not in\n${stdout}`);
    return text;
  };
  return {
    id: found(/^ {2}id: {5}(\S+)$/m),
    invite: found(/^invite link \(share with members\):\n {2}(\S+)$/m),
    owner: found(/^start the owner's node with:\n {2}(.+)$/m),
    member: found(/^start a member's node with:\n {2}(.+)$/m),
  };
}

/** Starts a node with a line as a shell takes it, and more flags; in a folder of its own. */
async function startLine(
  scene: GroupScene,
  line: string,
  { flags, folder, env = {} }: {
    readonly flags: string;
    readonly folder: string;
    readonly env?: Record<string, string>;
  },
): Promise<App> {
  assert.match(line, /^skychat app --standalone /);
  const cwd = `${scene.folder}/${folder}`;
  await Deno.mkdir(cwd, { recursive: true });
  const { args, cmd } = skychatCommand();
  const program = [cmd, ...args].map((word) => `'${word}'`).join(" ");
  const script = `exec ${program} ${line.slice("skychat ".length)} ${flags}`;
  const app = scene.keep(startOther({ cmd: "sh", args: ["-c", script] }, { cwd, env }));
  await app.waitForLog("Serving HTTP on ");
  await app.waitForLog(/cxo-group .* OPEN as/);
  return app;
}

async function textsOf(app: App, count: number): Promise<string[]> {
  const events = await eventsUntil(
    app,
    (shown) => shown.length >= count,
    "since=0&channel=group",
  );
  return events.map(({ text }) => text).toSorted();
}

async function send(app: App, message: string): Promise<void> {
  const reply = await fetch(`http://${app.addr}/message`, {
    method: "POST",
    body: JSON.stringify({ recipient: "", message }),
  });
  assert.equal(reply.status, 200, await reply.text());
}

function infoOf(app: App, id: string): ReturnType<typeof ask> {
  return ask(app, `/group/${id}`);
}

for (const mode of ["public", "private"] as const) {
  Deno.test(`the lines that group create prints start a ${mode} group, again and again`, () =>
    withMembers(async (scene) => {
      const cwd = `${scene.folder}/owner`;
      await Deno.mkdir(cwd);
      const options = { cwd, env: { SECRET_KEY: secretOf(1) } };
      const flags = [
        ...["--sk", secretOf(1), "--cxo-listen", "127.0.0.1:0", "--group-dir", "my groups"],
        ...["--persist", "--persist-db", "kept here.db", ...NO_LIMITS],
      ];
      let owner = scene.keep(await startApp(flags, options));
      const created = await run([
        ...["group", "create", "--addr", owner.addr, "--name", "ops", "--mode", mode],
      ]);
      assert.equal(created.code, 0, created.stderr);
      const printed = printedBy(created.stdout);
      const open = await owner.waitForLog(/cxo-group .* OPEN as pk=/);
      const at = /role=owner on (\S+), 1 members/.exec(open)?.[1] ?? "";
      assert.deepEqual(created.stdout.split("\n").slice(0, 8), [
        ...["group created", `  id:     ${printed.id}`, "  name:   ops", `  mode:   ${mode}`],
        ...[
          `  port:   ${at.split(":")[1]}`,
          "  members: 1",
          "",
          "invite link (share with members):",
        ],
      ]);
      assert.match(
        printed.id,
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assert.equal(printed.member, `skychat app --standalone --join ${printed.invite}`);
      await send(owner, "before anybody came");

      // A member's key is made at its first start and kept in its folder.
      const place = { flags: "--addr 127.0.0.1:0 --cxo-listen 127.0.0.1:0", folder: "member" };
      let member = await startLine(scene, printed.member, place);
      const { visor_pk: pk } = await ask(member, "/status");
      const hint = await member.waitForLog("until an admin has run");
      const command = /run "skychat (group add [^"]+)"/.exec(hint)?.[1] ?? "";
      assert.equal(command, `group add ${printed.id} ${pk}`);
      const added = await run([...command.split(" "), "--addr", owner.addr]);
      assert.equal(added.stdout, `group ${printed.id} now has 2 members\n`, added.stderr);
      await member.waitForLog(`cxo-group follows ${keyOf(1)}`);
      await owner.waitForLog(`cxo-group follows ${pk}`);
      if (mode === "private") await member.waitForLog("applied rotated group key");
      await send(member, "I am in");
      assert.deepEqual(await textsOf(owner, 2), ["I am in", "before anybody came"].toSorted());
      assert.deepEqual(await textsOf(member, 2), ["I am in", "before anybody came"].toSorted());

      // Both end. Each comes back with its line: the owner where it listened, the member with its key.
      assert.deepEqual(await Promise.all([owner.stop(), member.stop()]), [0, 0]);
      owner = await startLine(scene, printed.owner, {
        ...{ flags: "--addr 127.0.0.1:0", folder: "owner", env: options.env },
      });
      member = await startLine(scene, printed.member, place);
      assert.equal((await ask(member, "/status")).visor_pk, pk);
      await member.waitForLog(`cxo-group follows ${keyOf(1)}`);
      await owner.waitForLog(`cxo-group follows ${pk}`);
      await send(owner, "we are back");
      assert.deepEqual(
        await textsOf(owner, 3),
        ["I am in", "before anybody came", "we are back"].toSorted(),
      );
      const later = await textsOf(member, 1);
      assert.deepEqual(later, ["we are back"], "without a store nothing is shown again");
      for (const app of [owner, member]) {
        const { members, mode: kept, owner_pk } = await infoOf(app, printed.id);
        assert.deepEqual([members.toSorted(), kept, owner_pk], [
          [keyOf(1), pk].toSorted(),
          mode,
          keyOf(1),
        ]);
      }
      const { name } = await infoOf(member, printed.id);
      assert.equal(name, "ops");
    }));
}

Deno.test("nodes that run join by link; add takes an address, for those whom nobody could dial", () =>
  withMembers(async (scene) => {
    const owner = await scene.start({ who: 1 });
    const second = await scene.start({ who: 2 });
    const third = await scene.start({ who: 3 });
    const created = await owner.cli("create", "-n", "a room", "--member", keyOf(2));
    const { id, invite } = printedBy(created.stdout);
    assert.match(created.stdout, /^ {2}members: 2$/m);
    const again = await owner.cli("invite", id);
    assert.deepEqual([again.code, again.stdout], [0, `${invite}\n`]);
    const elsewhere = await owner.cli("invite", id, "--address", "chat.example.org:8802");
    const link = elsewhere.stdout.replace("skychat:invite:", "").trim();
    const said = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(link, {
      alphabet: "base64url",
    })));
    assert.deepEqual(said.cxo, [`tcp://${owner.pk}@chat.example.org:8802`]);
    assert.deepEqual([said.id, said.name, said.owner_pk, said.mode], [
      ...[id, "a room", owner.pk, "public"],
    ]);

    // Listed at the beginning: nobody has to add it, which it cannot know yet.
    const joined = await second.cli("join", invite);
    assert.equal(joined.code, 0, joined.stderr);
    assert.deepEqual(joined.stdout.split("\n").slice(1), [
      ...[`  id:    ${id}`, `  owner: ${owner.pk}`, "  mode:  public"],
      ...[`ask an admin to run: skychat group add ${id} ${second.pk}`, ""],
    ]);
    await second.app.waitForLog(`cxo-group follows ${owner.pk}`);
    const joinedToo = await third.cli("join", invite);
    assert.match(
      joinedToo.stdout,
      /^requested to join group \(waiting for an admin to approve\) "a room"\n/,
    );
    await third.app.waitForLog(`reconnect ${owner.pk}: subscribe rejected`);
    const added = await owner.cli("add", id, third.spec);
    assert.equal(added.stdout, `group ${id} now has 3 members\n`, added.stderr);
    await third.app.waitForLog(`cxo-group follows ${owner.pk}`);
    const members = [owner, second, third];
    for (const [index, member] of members.entries()) await member.send(`from ${index}`, id);
    for (const member of members) {
      assert.deepEqual((await member.texts(["from 0", "from 1", "from 2"])).toSorted(), [
        ...["from 0", "from 1", "from 2"],
      ]);
    }
    const info = await owner.info(id);
    assert.equal(info.peer_addrs[third.pk], third.at);
    // Whoever is let in by a link from now on gets the address of each member that is known.
    const later = await owner.cli("invite", id, "--json");
    assert.ok(JSON.parse(later.stdout).startsWith("skychat:invite:"));
  }));
