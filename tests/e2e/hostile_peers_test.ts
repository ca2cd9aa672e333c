/**
 * Peers that misbehave, against a whole node as a process. After each attack, and during those that go
 * on, an honest peer that was there all along still gets its receipt and a new honest peer gets in;
 * the node's memory comes back to where it was.
 */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { systemRandom, utf8 } from "#kit";
import { MAX_FRAME_PAYLOAD } from "#session";
import { RawPeer } from "#support/raw_peer.ts";
import { residentMemory, settledMemory } from "#support/process_memory.ts";
import { type App, startApp } from "#support/spawn.ts";

/** An honest peer's receipt must come within this, whatever the others do. */
const RECEIPT_DEADLINE_MS = 1_000;
/** While an attack goes on, this process makes it on the same thread as the honest peer's work. */
const DURING_DEADLINE_MS = 5_000;
/** Memory after an attack, against memory before it. */
const MEMORY_RATIO = 1.2;

interface Target {
  readonly address: string;
  readonly pk: string;
}

interface Attack {
  readonly name: string;
  /** Attacks; what it returns ends what still goes on while the honest peers are looked at. */
  run(target: Target): Promise<void | (() => void | Promise<void>)>;
}

/** Runs `action` with a hand-made peer and hangs up afterwards. */
async function withPeer(target: Target, action: (peer: RawPeer) => Promise<void>): Promise<void> {
  const peer = await RawPeer.connect(target);
  try {
    await action(peer);
  } finally {
    peer.close();
  }
}

/** By then the node has given up on a peer that does not read (its write limit is 5 s). */
const CUT_DEADLINE_MS = 8_000;

/** Passes over what a connection ends with when the other side, or we, have had enough. */
function unlessCut(error: unknown): void {
  const cut = error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
  if (!cut) throw error;
}

/**
 * Writes in the background until released, at least so many times, unless the node hangs up: being cut
 * off is what these attacks end with. Under Deno 2.6, which may run the node, this peer, or both, a
 * connection with a write that waits stays open after its close. So after a while the peer reads, which
 * ends the node's write.
 */
async function writeUntilCut(
  target: Target,
  payload: Uint8Array,
  least: number,
): Promise<() => Promise<void>> {
  const peer = await RawPeer.connect(target);
  await peer.handshake();
  let released = false;
  const write = async () => {
    for (let count = 0; count < least || !released; count++) {
      await peer.write(peer.sealFrame(payload));
    }
  };
  const writing = write().catch(unlessCut);
  return async () => {
    released = true;
    let reading: Promise<void> | undefined;
    const read = setTimeout(() => reading = peer.untilClosed().catch(unlessCut), CUT_DEADLINE_MS);
    try {
      await writing;
    } finally {
      clearTimeout(read);
      peer.close();
      await reading;
    }
  };
}

const attacks: readonly Attack[] = [
  {
    name: "handshakes cut off at every length",
    async run(target) {
      for (let length = 0; length < 64; length++) {
        await withPeer(target, async (peer) => {
          await peer.write(peer.firstMessage().subarray(0, length));
        });
      }
    },
  },
  {
    name: "a handshake that announces more than a frame may hold",
    run: (target) =>
      withPeer(target, async (peer) => {
        await peer.write(Uint8Array.of(0xff, 0xff));
        await peer.untilClosed();
      }),
  },
  {
    name: "a handshake with the wrong responder key",
    async run(target) {
      const pk = SecretKey.generate(systemRandom).publicKey.hex;
      await withPeer({ ...target, pk }, async (peer) => {
        await peer.write(peer.firstMessage());
        await peer.untilClosed();
      });
    },
  },
  {
    name: "a handshake whose ephemeral key is no point of the curve",
    run: (target) =>
      withPeer(target, async (peer) => {
        const message = peer.firstMessage();
        message.fill(0xff, 3, 35);
        await peer.write(message);
        await peer.untilClosed();
      }),
  },
  {
    name: "a record sent twice",
    run: (target) =>
      withPeer(target, async (peer) => {
        await peer.handshake();
        const record = peer.session.seal(utf8("\0\0\0\x05again"));
        await peer.write(record);
        await peer.write(record);
        await peer.untilClosed();
      }),
  },
  {
    name: "records in the wrong order",
    run: (target) =>
      withPeer(target, async (peer) => {
        await peer.handshake();
        const first = peer.session.seal(utf8("\0\0\0\x05first"));
        const second = peer.session.seal(utf8("\0\0\0\x06second"));
        await peer.write(second);
        await peer.write(first);
        await peer.untilClosed();
      }),
  },
  {
    name: "one flipped bit in a record, at fifty places",
    async run(target) {
      for (let place = 0; place < 50; place++) {
        await withPeer(target, async (peer) => {
          await peer.handshake();
          const record = peer.session.seal(utf8("\0\0\0\x14twenty characters xx"));
          // The length prefix stays as it is: a longer record would only make the node wait for it.
          const at = 2 + place % (record.length - 2);
          record[at] = (record[at] ?? 0) ^ (1 << place % 8);
          await peer.write(record);
          await peer.untilClosed();
        });
      }
    },
  },
  {
    name: "a peer that sends one byte at a time",
    run: (target) =>
      withPeer(target, async (peer) => {
        for (const byte of peer.firstMessage()) await peer.write(Uint8Array.of(byte));
        await peer.handshakeFromReply();
        const record = peer.session.seal(utf8("\0\0\0\x04slow"));
        for (const byte of record) await peer.write(Uint8Array.of(byte));
        await peer.sendAcked("and it is still served");
      }),
  },
  {
    name: "a peer that asks for receipts and never reads them",
    run(target) {
      const id = "x".repeat(60_000);
      const message = utf8(JSON.stringify({ type: "chat-msg", id, body: "y", ack: true }));
      return writeUntilCut(target, message, 600);
    },
  },
  {
    name: "200 half-open sockets",
    async run(target) {
      const at = target.address.lastIndexOf(":");
      const hostname = target.address.slice(0, at);
      const port = Number(target.address.slice(at + 1));
      const sockets = await Promise.all(
        Array.from({ length: 200 }, () => Deno.connect({ hostname, port })),
      );
      return () => sockets.forEach((socket) => socket.close());
    },
  },
  {
    name: "a flood of frames of 64 KiB",
    run: (target) => writeUntilCut(target, new Uint8Array(MAX_FRAME_PAYLOAD).fill(0x61), 800),
  },
  {
    name: "a frame that announces 4 GiB",
    run: (target) =>
      withPeer(target, async (peer) => {
        await peer.handshake();
        await peer.write(peer.session.seal(Uint8Array.of(0xff, 0xff, 0xff, 0xff)));
        await peer.untilClosed();
      }),
  },
];

/** The receipt of an honest message within the deadline; one slow moment of the machine is forgiven. */
async function assertServed(
  honest: RawPeer,
  attack: string,
  deadlineMs = RECEIPT_DEADLINE_MS,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const before = performance.now();
    await honest.sendAcked(attack);
    const took = performance.now() - before;
    if (took <= deadlineMs) return;
    assert.ok(attempt < 2, `the receipt took ${Math.round(took)} ms: ${attack}`);
  }
}

/** How often a new peer tries: while strangers hold every handshake place, its turn takes a second. */
const WELCOME_ATTEMPTS = 50;
const WELCOME_PAUSE_MS = 100;

async function assertWelcome(target: Target): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await withPeer(target, async (peer) => {
        await peer.handshake();
        await peer.sendAcked("a new peer");
      });
    } catch (error) {
      if (attempt === WELCOME_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, WELCOME_PAUSE_MS));
    }
  }
}

Deno.test("hostile peers disturb nobody and leave no memory behind", async (t) => {
  const app: App = await startApp(["--tcp-listen", "127.0.0.1:0"]);
  const target = { address: app.tcpAddr, pk: app.pk };
  const honest = await RawPeer.connect(target);
  try {
    await honest.handshake();
    for (let count = 0; count < 3_000; count++) await honest.sendAcked("warm-up ".repeat(100));
    const before = await residentMemory(app.pid);
    for (const attack of attacks) {
      await t.step(attack.name, async () => {
        const release = await attack.run(target);
        try {
          await assertServed(honest, `during ${attack.name}`, DURING_DEADLINE_MS);
          await assertWelcome(target);
        } finally {
          await release?.();
        }
        await assertServed(honest, `after ${attack.name}`);
        const after = await settledMemory(app.pid, before * MEMORY_RATIO);
        assert.ok(
          after <= before * MEMORY_RATIO,
          `resident memory went from ${before} to ${after} MiB`,
        );
      });
    }
  } finally {
    honest.close();
    await app.kill();
  }
});
