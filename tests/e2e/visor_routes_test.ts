/** Which network of its visor a node takes, and what its users are told (visor.md 7.5; 12.2, no. 5). */
import assert from "node:assert/strict";
import { eventsUntil, keyOf } from "#support/cxo_app.ts";
import {
  netOf,
  postTo,
  seen,
  send,
  startUnder,
  statusOf,
  until,
  withVisors,
} from "#support/embedded_apps.ts";
import { run } from "#support/spawn.ts";

/** Payload of the largest frame (messages.md 1). */
const LARGEST = 65_536;

Deno.test("auto takes dmsg at once, and later messages go over skynet", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startUnder(one, [], { cwd: folder });
    const b = await startUnder(two, [], { cwd: folder });
    apps.push(a, b);
    const peer = two.visorKey.hex;
    assert.equal(await send(a, peer, "first", "-n", "auto"), "sent");
    const network = async () =>
      (await (await fetch(`http://${a.addr}/link?pk=${peer}`)).json()).network;
    assert.ok(await until(async () => await network() === "skynet"));
    assert.equal(await send(a, peer, "second", "-n", "auto"), "sent");
    assert.deepEqual(await seen(b, 2), [["first", "dmsg"], ["second", "skynet"]]);
    assert.deepEqual(one.argumentsOf("Dial").map(netOf), ["dmsg", "skynet"]);
    assert.equal((await statusOf(a)).outbound_fallback_count, 0);
  });
});

Deno.test("a network that cannot reach the peer leaves the other one, which is counted and said", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    one.script = ({ argument, method }) =>
      method === "Dial" && netOf(argument) === "skynet" ? { error: "no route" } : undefined;
    const a = await startUnder(one, [], { cwd: folder });
    const b = await startUnder(two, [], { cwd: folder });
    apps.push(a, b);
    const args = ["send", "--addr", a.addr, "--to", two.visorKey.hex, "-m", "hello", "-w0"];
    const { code, stdout } = await run(args);
    assert.deepEqual([code, stdout], [0, `Message sent to ${two.visorKey.hex} via dmsg\n`]);
    assert.deepEqual(await seen(b, 1), [["hello", "dmsg"]]);
    const nets = one.argumentsOf("Dial").map(netOf);
    assert.deepEqual([nets[0], nets.at(-1)], ["skynet", "dmsg"]);
    assert.equal((await statusOf(a)).outbound_fallback_count, 1);
  });
});

Deno.test("a peer that no network reaches is told as unreachable, with what would help", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    const a = await startUnder(one, ["--persist"], {
      cwd: folder,
      fields: { proc_work_dir: folder },
    });
    apps.push(a);
    const args = ["send", "--addr", a.addr, "--to", keyOf(9), "-m", "hello"];
    const { code, stderr } = await run([...args, "--exit-codes", "detailed"]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /--queue keeps the message until it is/);
  });
});

Deno.test("the largest payload goes through the mesh whole, and one byte more is refused", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startUnder(one, [], { cwd: folder });
    const b = await startUnder(two, [], { cwd: folder });
    apps.push(a, b);
    const recipient = two.visorKey.hex;
    const text = "0123456789abcdef".repeat(LARGEST / 16);
    assert.equal((await postTo(a, "message", { recipient, message: text })).status, 200);
    assert.equal((await postTo(a, "message", { recipient, message: `${text}x` })).status, 400);
    const events = await eventsUntil(b, (shown) => shown.length > 0);
    assert.deepEqual(events.map((event) => event.text.length), [LARGEST]);
    assert.ok(events[0]?.text === text);
  });
});
