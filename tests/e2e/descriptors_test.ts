/**
 * A stranger who opens as many links as the node takes, against a process with few descriptors: the
 * control surface, the store and the links that were there go on.
 */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { RawPeer } from "#support/raw_peer.ts";
import { skychatCommand, startOther } from "#support/spawn.ts";

/** Descriptors of the process. The runtime raises a soft limit, so it has to be the hard one. */
const DESCRIPTORS = 256;
/** A peer that gets no handshake within this is refused. */
const REFUSED_MS = 2_000;

Deno.test("a stranger with many keys cannot take the descriptors of the store and the surface", async () => {
  const folder = await Deno.makeTempDir();
  const { cmd, args } = skychatCommand();
  const flags = ["app", "--standalone", "--addr", "127.0.0.1:0", "--tcp-listen", "127.0.0.1:0"];
  flags.push("--persist", "--persist-db", `${folder}/history.db`);
  const app = startOther({
    cmd: "sh",
    args: ["-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", cmd, ...args, ...flags],
  }, { cwd: folder });
  const links: RawPeer[] = [];
  try {
    await app.waitForLog("Serving HTTP on ");
    const target = { address: app.tcpAddr, pk: app.pk };
    const honest = await (await RawPeer.connect(target)).handshake();
    links.push(honest);
    for (let refused = 0; refused < 3 && links.length < DESCRIPTORS;) {
      const peer = await RawPeer.connect(target, SecretKey.generate(systemRandom));
      links.push(peer);
      const timer = setTimeout(() => peer.close(), REFUSED_MS);
      await peer.handshake().catch(() => refused++);
      clearTimeout(timer);
    }
    const answers = await Promise.all(Array.from({ length: 20 }, async () => {
      const reply = await fetch(`http://${app.addr}/status`);
      return [reply.status, (await reply.text()).length > 0];
    }));
    assert.deepEqual(answers, new Array(20).fill([200, true]));
    await honest.sendAcked("still there");
    const pk = SecretKey.generate(systemRandom).publicKey.hex;
    const body = JSON.stringify({ pk, name: "somebody" });
    const named = await fetch(`http://${app.addr}/contacts`, { method: "POST", body });
    assert.equal(named.status, 200, await named.text());
    const stored = await fetch(`http://${app.addr}/history?peer=${honest.secret.publicKey.hex}`);
    assert.match(await stored.text(), /still there/);
  } finally {
    for (const link of links) link.close();
    await app.kill();
    await Deno.remove(folder, { recursive: true });
  }
});
