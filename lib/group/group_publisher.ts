import type { SecretKey } from "#crypto";
import type { MessageEvent } from "#events";
import { type Clock, type Random, toHex, utf8 } from "#kit";
import type { Governance } from "./governance.ts";
import { sealBody } from "./group_cipher.ts";
import { GroupError } from "./group_error.ts";
import type { GroupFeed } from "./group_feed.ts";
import { groupJournalKey, leafEntry } from "./group_journal.ts";
import type { GroupKeys } from "./group_keys.ts";
import { tombstoneText } from "./message_body.ts";
import type { MessageIntake } from "./message_intake.ts";
import { encodeMessageLeaf, HEARTBEAT_TEXT, messageDigest, signMessage } from "./message_leaf.ts";
import { groupMessagePath } from "./message_path.ts";
import type { GroupSink } from "./message_sink.ts";

/** Longest text that is sent, bytes (groups.md 4.7). */
export const MAX_GROUP_TEXT_BYTES = 65_536;

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

/** Writes messages to the own feed of a group (groups.md 1.5). */
export class GroupPublisher {
  readonly #options: GroupPublisherOptions;
  #newest = 0n;
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
