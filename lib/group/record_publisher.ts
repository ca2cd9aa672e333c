import { PublicKey, type SecretKey } from "#crypto";
import { equalBytes, NO_BYTES, type Random } from "#kit";
import type { Governance } from "./governance.ts";
import { type Decision, decisionText } from "./governance_copies.ts";
import { openGovernance, sealGovernance } from "./group_cipher.ts";
import { GroupError } from "./group_error.ts";
import type { GroupFeed } from "./group_feed.ts";
import type { GroupKeys } from "./group_keys.ts";
import { decodeRotation, encodeRotation, type KeyRotation } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import {
  decodeMutation,
  encodeMutation,
  FAMILIES,
  type Mutation,
  type MutationFamily,
} from "./mutation.ts";

/** Deliveries of keys in the own feed (ours): each key ring holds 33 keys, and newcomers get theirs alone. */
const MAX_DELIVERIES = 64;
/** Digits of the number of a record. */
const NUMBER_DIGITS = 5;

/** What a publisher of records is made with. */
export interface RecordPublisherOptions {
  readonly secret: SecretKey;
  readonly random: Random;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  readonly feed: GroupFeed;
}

/** Writes records of governance and keys to the own feed of a group, and takes them out (groups.md 1.5). */
export class RecordPublisher {
  readonly #options: RecordPublisherOptions;
  /** Records of the own feed by path, as they were found last: they are looked through often. */
  #records: ReadonlyMap<string, Mutation> = new Map();
  #resealing: Promise<void> = Promise.resolve();

  /** Nothing is written yet. */
  constructor(options: RecordPublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes records of governance that this node signed, in order; whether a restart keeps them.
   *
   * @throws {GroupError} a private group without a key
   */
  async publish(
    mutations: Iterable<Mutation> | AsyncIterable<Mutation>,
  ): Promise<boolean> {
    const own: Mutation[] = [];
    let kept = true;
    try {
      for await (const mutation of mutations) {
        kept = await this.#write(mutation) && kept;
        own.push(mutation);
      }
    } finally {
      // Whoever reads it counts it as ours.
      this.#options.governance.applyOwn(own);
    }
    return kept;
  }

  /** The records in the own feed, by path. */
  all(): ReadonlyMap<string, Mutation> {
    const records = new Map<string, Mutation>();
    for (const path of this.#paths()) {
      // Nothing else ever comes under a number.
      const mutation = this.#records.get(path) ?? this.#recordAt(path);
      if (mutation !== undefined) records.set(path, mutation);
    }
    return this.#records = records;
  }

  /**
   * Takes out own records that something newer took the place of, and gives them: whoever hears of that from
   * nobody else must not believe them.
   */
  async retire(): Promise<readonly Mutation[]> {
    const { feed, governance } = this.#options;
    const retired = [...this.all()].filter(([, record]) => governance.isSuperseded(record));
    await feed.drop(retired.map(([path]) => path));
    return retired.map(([, record]) => record);
  }

  /** Those of some decisions that no record of the own feed is about. */
  missing(decisions: readonly Decision[]): Decision[] {
    const there = new Set([...this.all().values()].map(decisionText));
    return decisions.filter((decision) => !there.has(decisionText(decision)));
  }

  /**
   * Publishes records of other admins as they are, for members that do not read those (ours).
   *
   * @throws {GroupError} a private group without a key
   */
  async copy(mutations: Iterable<Mutation> | AsyncIterable<Mutation>): Promise<void> {
    for await (const mutation of mutations) await this.#write(mutation);
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
    const old = [...this.all()].filter(([path]) => {
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

  #write(mutation: Mutation): Promise<boolean> {
    return this.#numbered(mutation.family, this.#sealed(encodeMutation(mutation)));
  }

  #numbered(family: MutationFamily | "keys", value: Uint8Array): Promise<boolean> {
    const { feed } = this.#options;
    const number = String(feed.nextNumber(family)).padStart(NUMBER_DIGITS, "0");
    return feed.add(`${family}/${number}`, value);
  }

  #paths(): string[] {
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
}
