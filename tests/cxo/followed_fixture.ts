/** Publishers and connections of tests about followed feeds: nothing is signed by a node, nothing goes over a wire. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import {
  type CxoMessage,
  REGISTRY,
  type RootMessage,
  rootMessage,
  type RootSource,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { NO_BYTES, utf8 } from "#kit";
import { settle } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** What a source says to a request. */
export type Answer = CxoMessage | "timeout" | "closed";

/** Of the publisher, unless a test says otherwise. */
export const SECRET: SecretKey = SecretKey.generate(new SeededRandom(7));
/** What a node says of an object that it has not. */
export const EMPTY_ERR: CxoMessage = { type: "Err", text: "" };

/** A publisher without a node: Roots, and the objects of all of them. */
export class Author {
  readonly objects = new Map<string, Uint8Array>();
  readonly #tree = new Tree();
  readonly #secret: SecretKey;
  #seq = 0n;

  constructor(secret: SecretKey = SECRET) {
    this.#secret = secret;
  }

  /** Sets leaves and signs the next Root. */
  publish(leaves: Record<string, string>): RootMessage {
    for (const [path, text] of Object.entries(leaves)) this.#tree.put(path, utf8(text));
    const { root: object, objects } = this.#tree.publish();
    for (const { id, bytes } of objects) this.objects.set(id, bytes);
    const seq = this.#seq++;
    return rootMessage(signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.#secret.publicKey.hex,
      nonce: 1n,
      seq,
      time: 1_000n + seq,
      prev: seq === 0n ? ZERO_ID : "ab".repeat(32),
    }, this.#secret));
  }

  /** The answer to a request. */
  readonly serve = (id: string): Answer => {
    const value = id === REGISTRY.id ? REGISTRY.bytes : this.objects.get(id);
    return value === undefined ? EMPTY_ERR : { type: "Object", value };
  };
}

/** A connection that answers as the test says; undefined: not yet. */
export class FakeSource implements RootSource {
  readonly peer = "02".repeat(33);
  readonly remoteAddress = "192.0.2.1:8802";
  /** Ids that it was asked for, in order. */
  readonly asked: string[] = [];
  readonly #unanswered = new Set<{ id: string; resolve: (answer: Answer) => void }>();
  #answer: (id: string) => Answer | undefined;

  constructor(answer: (id: string) => Answer | undefined = () => undefined) {
    this.#answer = answer;
  }

  request(
    message: CxoMessage,
    { giveUps }: { readonly giveUps?: Set<() => void> } = {},
  ): Promise<Answer> {
    assert.ok(message.type === "RqObject");
    const { id } = message;
    this.asked.push(id);
    const answer = this.#answer(id);
    if (answer !== undefined) return Promise.resolve(answer);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#unanswered.add({ id, resolve });
    giveUps?.add(() => resolve("timeout"));
    return promise;
  }

  /** Answers this way from now on, and what has waited. */
  async answer(answer: (id: string) => Answer): Promise<void> {
    this.#answer = answer;
    for (const { id, resolve } of this.#unanswered) resolve(answer(id));
    this.#unanswered.clear();
    await settle();
  }
}
