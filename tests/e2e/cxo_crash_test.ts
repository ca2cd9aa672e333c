/**
 * What a feed promises over crashes (cxo.md 5.8, 7.4): the program is killed with SIGKILL at random moments
 * under load; what was answered with ok reaches the reader once, and no Seq comes twice.
 */
import assert from "node:assert/strict";
import { ask, type CxoEvent, eventsUntil, keyOf, specOf, startCxo } from "#support/cxo_app.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import type { App } from "#support/spawn.ts";

/** Kills of each side. The executable starts fast enough for more. */
const KILLS = Deno.env.get("SKYCHAT_BIN") ? 30 : 7;
const SENDERS = 4;

/** What several senders said, and what of it was answered with ok. */
class Load {
  readonly promised = new Set<string>();
  readonly said = new Set<string>();
  readonly #counts = new Array<number>(SENDERS).fill(0);
  #isOn = false;

  /** Sends until the node is gone or {@link end}; each sender waits for the answer before it goes on. */
  start(app: App): Promise<unknown> {
    this.#isOn = true;
    return Promise.all(this.#counts.map((_, sender) => this.#send(app, sender)));
  }

  end(): void {
    this.#isOn = false;
  }

  async #send(app: App, sender: number): Promise<void> {
    while (this.#isOn) {
      const number = (this.#counts[sender] ?? 0) + 1;
      this.#counts[sender] = number;
      const message = `${sender}:${number} ${"x".repeat(number % 200)}`;
      this.said.add(message);
      try {
        const reply = await fetch(`http://${app.addr}/message`, {
          method: "POST",
          body: JSON.stringify({ recipient: keyOf(9), message }),
        });
        const { ok } = await reply.json();
        if (reply.status === 200 && ok === true) this.promised.add(message);
      } catch {
        return;
      }
    }
  }

  /** That what a reader showed is what was said, each once, and the words of one sender in order. */
  check(events: readonly CxoEvent[], author: string): void {
    const texts = events.filter(({ dir, from }) => dir === "in" && from === author)
      .map(({ text }) => text);
    const shown = new Set(texts);
    const twice = texts.filter((text, index) => texts.indexOf(text) !== index);
    assert.deepEqual(twice.slice(0, 3), [], `${twice.length} messages are shown twice`);
    const lost = [...this.promised].filter((text) => !shown.has(text));
    assert.deepEqual(lost.slice(0, 3), [], `${lost.length} of ${this.promised.size} are lost`);
    assert.deepEqual(texts.filter((text) => !this.said.has(text)), [], "nobody said that");
    for (let sender = 0; sender < SENDERS; sender++) {
      const numbers = texts.filter((text) => text.startsWith(`${sender}:`)).map(numberOf);
      assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), `order of sender ${sender}`);
    }
  }
}

for (const victims of ["publisher", "subscriber", "both"] as const) {
  Deno.test(`what was answered with ok is shown once over ${KILLS} kills of ${victims}`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "skychat-cxo-crash-" });
    const random = new SeededRandom(victims.length);
    const load = new Load();
    let alice = await startCxo({ who: 1, folder });
    const at = alice.cxoAddr;
    const follow = () => startCxo({ who: 2, folder, peers: [specOf(alice, at)] });
    let bob = await follow();
    let seq = -1;
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const sending = load.start(alice);
        const millis = 50 + 2 * (random.bytes(1)[0] ?? 0);
        await new Promise((resolve) => setTimeout(resolve, millis));
        const { cxo } = await ask(alice, "/status");
        assert.ok((cxo.seq ?? -1) >= seq, `seq ${cxo.seq} after ${seq}`);
        seq = cxo.seq ?? seq;
        if (victims !== "subscriber") await alice.kill();
        if (victims !== "publisher") await bob.kill();
        load.end();
        await sending;
        if (victims !== "publisher") bob = await follow();
        if (victims === "subscriber") continue;
        alice = await startCxo({ who: 1, folder, listen: at });
        const next = (await ask(alice, "/status")).cxo;
        assert.ok(next.seq > seq, `seq ${next.seq} after ${seq}`);
        seq = next.seq;
        assert.ok(next.messages >= load.promised.size, "the feed has what was promised");
      }
      const events = await eventsUntil(
        bob,
        (shown) => load.promised.isSubsetOf(new Set(shown.map(({ text }) => text))),
      );
      load.check(events, alice.pk);
      // Once more from its store, and with a second look at the feed.
      await bob.kill();
      bob = await follow();
      await bob.waitForLog("cxo subscribed to feed");
      const [{ cxo }, { cxo: own }] = [await ask(bob, "/status"), await ask(alice, "/status")];
      for (let look = cxo; look.peers[0]?.seq !== own.seq;) look = (await ask(bob, "/status")).cxo;
      load.check(await eventsUntil(bob, (shown) => shown.length >= events.length), alice.pk);
      assert.ok(load.promised.size > KILLS, `only ${load.promised.size} were promised`);
    } finally {
      await alice.kill();
      await bob.kill();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function numberOf(text: string): number {
  return Number(/^\d+:(\d+) /.exec(text)?.[1]);
}
