import assert from "node:assert/strict";
import fc from "fast-check";
import { DirectChat, type QueueTable } from "#chat";
import { EventHub, type MessageEvent } from "#events";
import { silentLog } from "#kit";
import { FakeChatStore, FakeQueueTable } from "#support/fake_chat_store.ts";
import { ALICE, BOB } from "#support/fake_chat_link.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { type LinkFate, PairedLinks } from "#support/paired_links.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** One link and what happens to the nodes after it. */
interface Round {
  readonly fate: LinkFate;
  readonly restart: "none" | "sender" | "receiver";
}

const CALM: Round = { fate: { write: 1_000, when: "later" }, restart: "none" };

/** Bob queues for Alice; both can crash at any moment and come back with what was on disk. */
class Correspondence {
  readonly clock = new ManualClock();
  readonly table = new FakeQueueTable();
  /** Everything that Alice has on disk. */
  readonly arrived: MessageEvent[] = [];
  #seed = 1;
  #sender = this.#startSender();
  #receiver = this.#startReceiver();

  async queue(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      const outcome = await this.#sender.chat.send({
        recipient: ALICE,
        text,
        queueForMs: 3_600_000,
      });
      assert.equal(outcome.kind, "queued");
    }
  }

  /** One link, until it dies by its fate or a second has passed. */
  async run({ fate, restart }: Round): Promise<void> {
    const links = new PairedLinks({ near: BOB, far: ALICE }, fate);
    void this.#receiver.attach(links.far);
    void this.#sender.chat.attach(links.near);
    await this.clock.advance(1_000);
    if (restart === "sender") {
      this.#sender.crash();
      links.cut();
      this.#sender = this.#startSender();
    } else if (restart === "receiver") {
      links.cut();
      this.#receiver = this.#startReceiver();
    }
    links.cut();
    await this.clock.advance(1_000);
  }

  #startSender(): { chat: DirectChat; crash(): void } {
    let alive = true;
    // A node that crashed writes nothing any more, whatever it was about to do.
    const whileAlive = <T>(write: () => Promise<T>) => alive ? write() : new Promise<T>(() => {});
    const outbox: QueueTable = {
      list: () => this.table.list(),
      put: (message) => whileAlive(() => this.table.put(message)),
      remove: (id) => whileAlive(() => this.table.remove(id)),
    };
    const { clock } = this;
    const random = new SeededRandom(this.#seed++);
    const events = new EventHub({ clock });
    const chat = new DirectChat({ self: BOB, clock, random, log: silentLog, events, outbox });
    return { chat, crash: () => alive = false };
  }

  #startReceiver(): DirectChat {
    const { arrived, clock } = this;
    const store = new FakeChatStore({ auto: true });
    const append = store.append.bind(store);
    store.append = (message) => (arrived.push(message), append(message));
    const events = new EventHub({ clock });
    const random = new SeededRandom(this.#seed++);
    const options = { self: ALICE, clock, random, log: silentLog, events, store };
    const chat = new DirectChat({ ...options, ack: "stored" });
    for (const { id, sender, text, wall } of arrived) {
      const ageMs = Number((clock.wall() - wall) / 1_000_000n);
      chat.remember(sender, { id, body: text, ageMs });
    }
    return chat;
  }
}

const round: fc.Arbitrary<Round> = fc.record({
  fate: fc.record({
    write: fc.integer({ min: 1, max: 7 }),
    when: fc.constantFrom("before", "after", "later"),
  }),
  restart: fc.constantFrom("none", "none", "sender", "receiver"),
});

Deno.test("queued messages arrive exactly once and in order, wherever links die and nodes crash", async () => {
  const rounds = fc.array(round, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(rounds, async (rounds) => {
      const pair = new Correspondence();
      const texts = ["one", "two", "three"];
      await pair.queue(texts);
      for (const each of rounds) await pair.run(each);
      await pair.run(CALM);
      await settle();
      assert.deepEqual(pair.arrived.map(({ text }) => text), texts);
      assert.deepEqual(pair.table.list(), []);
    }),
    { numRuns: 60 },
  );
});

for (const when of ["before", "after", "later"] as const) {
  Deno.test(`a link that dies ${when} each single write costs nothing and doubles nothing`, async () => {
    for (let write = 1; write <= 6; write++) {
      const pair = new Correspondence();
      await pair.queue(["one", "two"]);
      await pair.run({ fate: { write, when }, restart: "none" });
      await pair.run(CALM);
      assert.deepEqual(pair.arrived.map(({ text }) => text), ["one", "two"]);
      assert.deepEqual(pair.table.list(), []);
    }
  });
}
