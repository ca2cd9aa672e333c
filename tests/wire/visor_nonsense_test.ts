import assert from "node:assert/strict";
import { utf8 } from "#kit";
import type { GobGiven, GobType } from "#visor";
import { MAX_BAD_ACCEPTS } from "../../lib/visor/mesh_listener.ts";
import {
  ACCEPT_RESP,
  ADDR,
  DIAL_RESP,
  EMPTY,
  READ_RESP,
  STRING,
  WRITE_RESP,
} from "../../lib/visor/visor_types.ts";
import { BOB } from "#support/fake_chat_link.ts";
import { settle } from "#support/manual_clock.ts";
import {
  type AttachedApp,
  collect,
  failure,
  linked,
  react,
  troubleLines,
  VisorScene,
} from "#support/mini_visor_scene.ts";

const GARBAGE = {
  "text": utf8("HTTP/1.1 400 Bad Request\r\n".repeat(8)),
  "a message of a GiB": Uint8Array.of(0xfc, 0x40, 0, 0, 0),
  "a value of a type that was never described": Uint8Array.of(3, 0xff, 0x90, 0),
  "zeros": new Uint8Array(64),
};
for (const [name, raw] of Object.entries(GARBAGE)) {
  Deno.test(`a visor that answers garbage is left: ${name}`, async () => {
    const scene = new VisorScene();
    const { alice, link } = await linked(scene);
    const { ended } = collect(link);
    react(alice, "SetDetailedStatus", { raw });
    await alice.session.status("Running");
    assert.equal((await alice.session.lost).code, "garbage");
    assert.equal((await ended).code, "visor-lost");
    assert.equal(alice.visor.attached, 0);
    assert.equal(troubleLines(alice).length, 1);
    await scene.end();
  });
}

/** Answers that are sound gob and cannot be what was asked for. */
const NONSENSE: readonly (readonly [string, string, GobType, GobGiven])[] = [
  ["a Read that gives more than was asked for", "Read", READ_RESP, {
    B: new Uint8Array(70_000),
    N: 70_000,
  }],
  ["a Read whose count is another", "Read", READ_RESP, { B: new Uint8Array(3), N: 2 }],
  ["a Read whose count is negative", "Read", READ_RESP, { N: -1 }],
  ["a Read that answers a text", "Read", STRING, "x"],
  ["a Write that took more than there was", "Write", WRITE_RESP, { N: 2 }],
  ["a Write that took less than nothing", "Write", WRITE_RESP, { N: -1 }],
  ["a Write that took nothing", "Write", WRITE_RESP, {}],
  ["a Read of a struct without fields", "Read", EMPTY, {}],
  ["a Write that answers what a dial does", "Write", DIAL_RESP, { ConnID: 1 }],
];
for (const [name, method, type, value] of NONSENSE) {
  Deno.test(`nonsense ends the link and nothing else: ${name}`, async () => {
    const scene = new VisorScene();
    const { alice, link } = await linked(scene);
    react(alice, method, { result: { type, value } });
    const { ended } = collect(link);
    if (method === "Write") await assert.rejects(link.write(utf8("x")), { code: "write-failed" });
    const code = method === "Read" ? "read-failed" : "write-failed";
    const end = await ended;
    assert.equal(end.code, code);
    if (type === EMPTY || type === DIAL_RESP) assert.match(end.message, /no fields matched/);
    assert.ok(alice.session.connected);
    await settle();
    assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
    await scene.end();
  });
}

for (
  const [name, type] of [["without fields", EMPTY], ["without a field that fits", ADDR]] as const
) {
  Deno.test(`a dial or an accept that answers a struct ${name} opens nothing`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    let accepts = 0;
    visor.script = ({ method }) =>
      method === "Dial" || (method === "Accept" && accepts++ === 0)
        ? { result: { type, value: {} } }
        : undefined;
    const app = await scene.app({ visor, networks: ["dmsg"] });
    assert.equal((await failure(app.session.dial(BOB, "dmsg"))).code, "bad-answer");
    await settle();
    assert.match(troubleLines(app).join(), /refusing a connection: Accept: gob: type mismatch/);
    assert.deepEqual([app.session.links, app.session.networks], [0, ["dmsg"]]);
    await scene.end();
  });
}

Deno.test("a dial whose answer has the right type and no fields is of connection 0", async () => {
  const scene = new VisorScene();
  const { alice } = await linked(scene);
  react(alice, "Dial", { result: { type: DIAL_RESP, value: {} } });
  assert.equal((await alice.session.dial(BOB, "dmsg")).connId, 0);
  await scene.end();
});

Deno.test("a dialled connection with the number of an open one is nonsense, and ends both", async () => {
  const scene = new VisorScene();
  const { alice, bob, link } = await linked(scene);
  const open = await usedId(alice, link);
  react(alice, "Dial", { result: { type: DIAL_RESP, value: { ConnID: open, LocalPort: 1 } } });
  assert.equal((await failure(alice.session.dial(bob.key, "dmsg"))).code, "bad-answer");
  assert.equal((await link.closed).code, "closed");
  await settle();
  assert.deepEqual(alice.visor.argumentsOf("CloseConn"), [open]);
  assert.equal(alice.session.links, 0);
  await scene.end();
});

/** The visor's number of a link, which it shows by writing. */
async function usedId(app: AttachedApp, link: { write(bytes: Uint8Array): Promise<void> }) {
  await link.write(utf8("x"));
  return Number(Object(app.visor.argumentsOf("Write").at(-1)).ConnID);
}

for (const [name, PubKey] of [["no key", undefined], ["a key that is no point", 0x55]] as const) {
  const Remote = {
    Net: "dmsg",
    PubKey: PubKey === undefined ? undefined : new Uint8Array(33).fill(PubKey),
    Port: 50_000,
  };
  const reaction = { result: { type: ACCEPT_RESP, value: { Remote, ConnID: 60_077 } } };

  Deno.test(`an accepted connection with ${name} is closed, and the next is taken`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    let accepts = 0;
    visor.script = ({ method }) =>
      method === "Accept" && ++accepts % MAX_BAD_ACCEPTS !== 0 ? reaction : undefined;
    const app = await scene.app({ visor, networks: ["dmsg"] });
    const bob = await scene.app({ networks: [] });
    await bob.session.dial(app.key, "dmsg");
    await settle();
    // The good one started the count anew.
    await bob.session.dial(app.key, "dmsg");
    await settle();
    assert.deepEqual([app.session.networks, app.accepted.length], [["dmsg"], 2]);
    const closed = visor.argumentsOf("CloseConn");
    assert.deepEqual(closed, Array(3 * (MAX_BAD_ACCEPTS - 1)).fill(60_077));
    await scene.end();
  });

  Deno.test(`a visor that gives nothing but connections with ${name} loses its listener`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    visor.script = ({ method }) => method === "Accept" ? reaction : undefined;
    const app = await scene.app({ visor, networks: ["dmsg"] });
    await settle();
    assert.equal(visor.argumentsOf("Accept").length, MAX_BAD_ACCEPTS);
    assert.deepEqual([app.session.networks, app.accepted, app.session.connected], [[], [], true]);
    const reason = "Accept: the peer has no valid public key";
    assert.deepEqual(app.session.endedListeners, [{ network: "dmsg", reason }]);
    assert.equal(visor.argumentsOf("CloseListener").length, 1);
    await scene.end();
  });
}

Deno.test("an accepted connection with the number of an open one ends both, and the next is taken", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  let accepts = 0;
  const Remote = { Net: "dmsg", PubKey: BOB.bytes, Port: 50_000 };
  visor.script = ({ method }) =>
    method === "Accept" && accepts++ < 2
      ? { result: { type: ACCEPT_RESP, value: { Remote, ConnID: 60_077 } } }
      : undefined;
  const app = await scene.app({ visor, networks: ["dmsg"] });
  const alice = await scene.app({ networks: [] });
  await alice.session.dial(app.key, "dmsg");
  await settle();
  assert.deepEqual(app.accepted.map(({ connId }) => connId === 60_077), [true, false]);
  assert.equal((await app.accepted[0]?.closed)?.code, "closed");
  assert.deepEqual(visor.argumentsOf("CloseConn"), [60_077]);
  assert.deepEqual([app.session.networks, app.session.links], [["dmsg"], 1]);
  await scene.end();
});

Deno.test("an Accept that fails ends its listener with a line, the other goes on", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  let accepts = 0;
  visor.script = ({ method }) =>
    method === "Accept" && accepts++ === 0 ? { error: "no\nway" } : undefined;
  const app = await scene.app({ visor });
  await settle();
  assert.deepEqual(app.session.networks, ["dmsg"]);
  assert.deepEqual(app.session.endedListeners, [{ network: "skynet", reason: "no\nway" }]);
  // The visor may have it bound still.
  assert.equal(visor.argumentsOf("CloseListener").length, 1);
  assert.deepEqual(troubleLines(app), [
    "WARN skychat: visor skynet accepts no more connections: no\\u000away",
  ]);
  await app.session.shutdown();
  assert.equal(new Set(visor.argumentsOf("CloseListener")).size, 2);
  assert.equal(visor.argumentsOf("CloseListener").length, 2);
  await scene.end();
});
