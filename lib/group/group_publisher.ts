import { PublicKey, type SecretKey } from "#crypto";
import type { MessageEvent } from "#events";
import { type Clock, equalBytes, NO_BYTES, type Random, toHex, utf8 } from "#kit";
import type { Governance } from "./governance.ts";
import { decisionIn } from "./governance_copies.ts";
import { openGovernance, sealBody, sealGovernance } from "./group_cipher.ts";
import { GroupError } from "./group_error.ts";
import type { GroupFeed } from "./group_feed.ts";
import { groupJournalKey, leafEntry } from "./group_journal.ts";
import type { GroupKeys } from "./group_keys.ts";
import { decodeRotation, encodeRotation, type KeyRotation } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import { tombstoneText } from "./message_body.ts";
import type { MessageIntake } from "./message_intake.ts";
import { encodeMessageLeaf, HEARTBEAT_TEXT, messageDigest, signMessage } from "./message_leaf.ts";
import { groupMessagePath } from "./message_path.ts";
import type { GroupSink } from "./message_sink.ts";
import { decodeMutation, encodeMutation, type Mutation, type MutationFamily } from "./mutation.ts";

/** Longest text that is sent, bytes (groups.md 4.7). */
export const MAX_GROUP_TEXT_BYTES = 65_536;
/** Deliveries of keys in the own feed (ours): each key ring holds 33 keys, and newcomers get theirs alone. */
const MAX_DELIVERIES = 64;
/** Digits of the number of a record. */
const NUMBER_DIGITS = 5;

/** What a publisher is made with. */
export interface GroupPublisherOptions {
  readonly groupId: string;
  readonly secret: SecretKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  readonly feed: GroupFeed;
  readonly intake: MessageIntake;
  readonly sink: GroupSink;
  /** Whether the journal of the feed is in the store of the sink. */
  readonly journaled: boolean;
  /** Told of the time of each message. */
  readonly onSent: (ts: bigint) => void;
}

/** What became of a message to a group. */
export interface GroupSent {
  /** Of its event, 16 hex digits. */
  readonly id: string;
  /** Its time, nanoseconds since 1970: by it the message can be taken back. */
  readonly ts: bigint;
  /** Whether a restart keeps it, where anything is kept at all. */
  readonly kept: boolean;
}

/** Writes to the own feed of a group: messages, records of governance, keys (groups.md 1.5). */
export class GroupPublisher {
  readonly #options: GroupPublisherOptions;
  #newest = 0n;
  #resealing: Promise<void> = Promise.resolve();
  #count = 0;

  /** Nothing is written yet. */
  constructor(options: GroupPublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes a text. Resolves when it is kept and in the feed; it goes out within 300 ms.
   *
   * @throws {GroupError} with the text of groups.md 6.2, or because of its length
   */
  async send(text: string, { to }: { to?: string | undefined } = {}): Promise<GroupSent> {
    const { clock, governance: { roster }, secret } = this.#options;
    if (text === "") throw new GroupError("bad-group-request", "text required");
    const wellFormed = text.toWellFormed();
    const { length } = utf8(wellFormed);
    if (length > MAX_GROUP_TEXT_BYTES) {
      throw new GroupError(
        "bad-group-request",
        `message of ${length} bytes, at most ${MAX_GROUP_TEXT_BYTES}`,
      );
    }
    const self = secret.publicKey.hex;
    const refusal = roster.refusalOf(self, clock.wall());
    if (refusal !== undefined) {
      throw new GroupError("group-forbidden", `group: posting not permitted: ${refusal}`);
    }
    return await this.#publish(wellFormed, (name, ts) => ({
      direction: "out",
      id: name,
      network: "cxo",
      sender: self,
      ...(to !== undefined && to !== "" && { to }),
      text: wellFormed,
      length,
      channel: "group",
      groupId: this.#options.groupId,
      wall: ts,
      sentAt: ts,
    }));
  }

  /** Whether the own feed has a message of ours with this time. */
  hasOwn(ts: bigint): boolean {
    const folder = `msgs/${this.#options.secret.publicKey.hex}/${ts}`;
    return [...this.#options.feed.paths(folder)].length > 0;
  }

  /** Takes back an own message for everybody (groups.md 4.8): the word that says so, then the message. */
  async unsend(ts: bigint): Promise<void> {
    const { intake, secret } = this.#options;
    await this.#publish(tombstoneText(ts));
    await intake.retract(secret.publicKey.hex, ts);
  }

  /**
   * Publishes something where the feed is empty: a node of the deployed system counts us as connected only
   * after our first Root (groups.md 4.2).
   */
  async greet(): Promise<void> {
    const { feed, secret } = this.#options;
    if (feed.published.leaves === 0) {
      const ts = this.#nextTime();
      const value = encodeMessageLeaf(signMessage(secret, { ts, text: HEARTBEAT_TEXT }));
      await feed.add(this.#pathAt(ts), value);
    }
    await feed.published.flush();
  }

  /**
   * Publishes records of governance, in order.
   *
   * @throws {GroupError} a private group without a key
   */
  async records(mutations: readonly Mutation[]): Promise<boolean> {
    const { governance } = this.#options;
    let kept = true;
    for (const mutation of mutations) {
      const value = this.#sealed(encodeMutation(mutation));
      kept = await this.#numbered(mutation.family, value) && kept;
      // Whoever reads it counts it as ours.
      governance.applyOwn(mutation);
    }
    return kept;
  }

  /** The records in the own feed, by path. */
  ownRecords(): ReadonlyMap<string, Mutation> {
    const records = new Map<string, Mutation>();
    for (const path of this.#options.feed.paths()) {
      const mutation = this.#recordAt(path);
      if (mutation !== undefined) records.set(path, mutation);
    }
    return records;
  }

  /**
   * Takes out own records that something newer took the place of, and gives them: whoever hears of that from
   * nobody else must not believe them.
   */
  async retire(): Promise<readonly Mutation[]> {
    const { feed, governance } = this.#options;
    const retired = [...this.ownRecords()].filter(([, record]) => governance.isSuperseded(record));
    await feed.drop(retired.map(([path]) => path));
    return retired.map(([, record]) => record);
  }

  /** Those of some records that the own feed has not. */
  missing(mutations: readonly Mutation[]): Mutation[] {
    const there = new Set([...this.ownRecords().values()].map(decisionIn));
    return mutations.filter((mutation) => !there.has(decisionIn(mutation)));
  }

  /** Publishes records of other admins as they are, for members that do not read those (ours). */
  async copy(mutations: readonly Mutation[]): Promise<void> {
    for (const mutation of mutations) {
      await this.#numbered(mutation.family, this.#sealed(encodeMutation(mutation)));
    }
  }

  /**
   * Seals the records of the own feed anew that the current key does not open: whoever joins gets no other key,
   * and has to know who belongs to the group. Nothing in a public group.
   */
  reseal(): Promise<void> {
    // One at a time: what is on its way to the disk is not there yet.
    return this.#resealing = this.#resealing.then(() => this.#reseal());
  }

  async #reseal(): Promise<void> {
    const { feed, keys } = this.#options;
    const current = keys?.ring.current?.key;
    if (current === undefined) return;
    const old = [...this.ownRecords()].filter(([path]) => {
      const value = feed.get(path);
      return value !== undefined && !(openGovernance([current], value) instanceof Uint8Array);
    });
    await this.copy(old.map(([, record]) => record));
    await feed.drop(old.map(([path]) => path));
  }

  /** Publishes a delivery of keys, own or of another admin; nothing where the feed has it. */
  async rotation(rotation: KeyRotation): Promise<void> {
    const { feed } = this.#options;
    const value = encodeRotation(rotation);
    // One that had to go at once would come and go at every member that reads this feed.
    const kept = this.#deliveries();
    const isOld = kept.every((each) => each.rotation.issuedAt >= rotation.issuedAt);
    if (kept.length >= MAX_DELIVERIES && isOld) return;
    const paths = [...feed.paths("keys")];
    if (paths.some((path) => equalBytes(feed.get(path) ?? NO_BYTES, value))) return;
    await this.#numbered("keys", value);
    await feed.drop(this.#oldDeliveries());
  }

  /** Whether the own feed hands out this key in the name of this node. */
  delivers(epoch: bigint): boolean {
    const self = this.#options.secret.publicKey.hex;
    return this.#deliveries().some(({ rotation }) =>
      rotation.epoch === epoch && rotation.issuer === self
    );
  }

  /** The current key for every member but this node; nothing in a public group. */
  async deliverKey(): Promise<void> {
    const rotation = this.#options.keys?.deliver(this.recipients());
    if (rotation !== undefined) await this.rotation(rotation);
  }

  /** Members that get keys, this node not among them. */
  recipients(): PublicKey[] {
    const { governance: { roster }, secret } = this.#options;
    return [...roster.members]
      .filter((pk) => pk !== secret.publicKey.hex)
      .map((pk) => PublicKey.parse(pk));
  }

  async #publish(
    text: string,
    eventOf?: (name: string, ts: bigint) => MessageEvent,
  ): Promise<GroupSent> {
    const { feed, groupId, intake, journaled, onSent, secret, sink } = this.#options;
    const ts = this.#nextTime();
    const message = signMessage(secret, { ts, ...this.#bodyOf(text) });
    const value = encodeMessageLeaf(message);
    const path = this.#pathAt(ts);
    const name = intake.sent(toHex(messageDigest(message)));
    if (eventOf === undefined) return { id: name, ts, kept: await feed.add(path, value) };
    feed.reserve(path, value);
    onSent(ts);
    const kept = await sink.surface({
      ...eventOf(name, ts),
      ...(journaled && {
        journal: { feed: groupJournalKey(groupId), entry: leafEntry(path, value) },
      }),
    });
    feed.put(path, value);
    return { id: name, ts, kept: kept ?? true };
  }

  #bodyOf(text: string): { text: string } | { ciphertext: Uint8Array; nonce: Uint8Array } {
    const { keys, random } = this.#options;
    if (keys === undefined) return { text };
    const key = keys.ring.current?.key;
    if (key === undefined) {
      throw new GroupError(
        "group-unavailable",
        "group: no group key held yet: an admin of this private group has to be online once",
      );
    }
    keys.used();
    return sealBody(key, text, random);
  }

  #sealed(json: Uint8Array): Uint8Array {
    const { keys, random } = this.#options;
    if (keys === undefined) return json;
    const key = keys.ring.current?.key;
    if (key === undefined) {
      throw new GroupError(
        "group-failed",
        "group: cannot seal governance leaf: no group key held",
      );
    }
    return sealGovernance(key, json, random);
  }

  #numbered(family: MutationFamily | "keys", value: Uint8Array): Promise<boolean> {
    const { feed } = this.#options;
    const number = String(feed.nextNumber(family)).padStart(NUMBER_DIGITS, "0");
    return feed.add(`${family}/${number}`, value);
  }

  #recordPaths(): string[] {
    return FAMILIES.flatMap((family) => [...this.#options.feed.paths(family)]);
  }

  #deliveries(): { path: string; rotation: KeyRotation }[] {
    const { feed } = this.#options;
    return [...feed.paths("keys")].flatMap((path) => {
      const rotation = decodeRotation(feed.get(path) ?? NO_BYTES);
      return rotation instanceof LeafFault ? [] : [{ path, rotation }];
    });
  }

  /** Paths of deliveries beyond those of the keys that anybody may hold. */
  #oldDeliveries(): string[] {
    return this.#deliveries()
      .sort((a, b) => a.rotation.issuedAt > b.rotation.issuedAt ? -1 : 1)
      .slice(MAX_DELIVERIES)
      .map(({ path }) => path);
  }

  #recordAt(path: string): Mutation | undefined {
    const family = FAMILIES.find((name) => path.startsWith(`${name}/`));
    const value = this.#options.feed.get(path);
    if (family === undefined || value === undefined) return undefined;
    const json = openGovernance(this.#options.keys?.ring.keys() ?? [], value);
    const mutation = json instanceof Uint8Array ? decodeMutation(json, family) : undefined;
    return mutation instanceof LeafFault ? undefined : mutation;
  }

  #pathAt(ts: bigint): string {
    return groupMessagePath({
      sender: this.#options.secret.publicKey.hex,
      ts,
      seq: ++this.#count,
    });
  }

  /** Two messages of this node never have the same time, so that time and author name one. */
  #nextTime(): bigint {
    const wall = this.#options.clock.wall();
    this.#newest = wall > this.#newest ? wall : this.#newest + 1n;
    return this.#newest;
  }
}

const FAMILIES: readonly MutationFamily[] = ["roster", "admin", "mod"];
