import { SeenLeaves } from "#cxo";
import type { MessageEvent } from "#events";
import { type Clock, equalBytes, type Log, utf8 } from "#kit";
import { dropOfHeaviest } from "./fair_drop.ts";
import type { Governance } from "./governance.ts";
import { openBody } from "./group_cipher.ts";
import type { GroupFeed } from "./group_feed.ts";
import { groupJournalKey, leafEntry, seenEntry } from "./group_journal.ts";
import type { GroupKeys } from "./group_keys.ts";
import { LeafFault } from "./leaf_fault.ts";
import { groupBodyOf } from "./message_body.ts";
import { type GroupMessage, verifyMessage } from "./message_leaf.ts";
import { readMessageLeaf } from "./message_path.ts";
import type { GroupSink } from "./message_sink.ts";

/** Messages that no held key opens, kept until a key comes (ours). */
export const MAX_SEALED_MESSAGES = 1_000;
/** Names of such messages that are remembered (ours). */
const MAX_SEALED_NAMES = 50_000;
/** Retractions remembered: a message may come after the word that takes it back (ours). */
const MAX_RETRACTED = 10_000;
/** Digits of the short name of a message, of its digest: also its id in events. */
const NAME_DIGITS = 16;
/** How much earlier than the Root before it a message in its author's own feed may be, nanoseconds (ours). */
const MAX_BEHIND = 300_000_000_000n;

/** Why a message is refused that its author, who may not speak now, dated back. */
const BACK_DATED = "back-dated";

/** A leaf under `msgs/` as it came. */
export interface IncomingLeaf {
  readonly path: string;
  readonly value: Uint8Array;
  /** In whose feed. */
  readonly member: string;
  /** Time of the Root that this process had completed before of that feed; undefined for the first. */
  readonly before: bigint | undefined;
}

/** What the intake of messages is made with. */
export interface MessageIntakeOptions {
  readonly groupId: string;
  /** Key of this node. */
  readonly self: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  readonly feed: GroupFeed;
  readonly sink: GroupSink;
  /** Whether the journal of the feed is in the store of the sink. */
  readonly journaled: boolean;
  /** Remembers digests where there is no journal. */
  readonly remember: (digest: string) => void;
  /** Whether messages of others are copied to the own feed now. */
  readonly mirrors: () => boolean;
  /** Peers whose messages are passed over unseen. */
  readonly isBlocked: (peer: string) => boolean;
  /** Told of the author's time of each message that was shown. */
  readonly onShown: (ts: bigint) => void;
}

/** What became of a leaf. */
export type LeafOutcome = "shown" | "handled" | "known" | "refused";

/**
 * Turns leaves with messages into messages, each once, whoever brings it and under whatever path
 * (groups.md 4.3 to 4.5), and copies them to the own feed.
 */
export class MessageIntake {
  readonly #options: MessageIntakeOptions;
  readonly #seen = new SeenLeaves();
  /** `<sender>/<ts>` of messages that their author took back. */
  readonly #retracted = new SeenLeaves(MAX_RETRACTED);
  /** Messages no key opens, by path. */
  readonly #sealed = new Map<string, IncomingLeaf>();
  /** Short names of those, and of some that had no room: each is copied once, whatever paths it comes by. */
  readonly #sealedNames = new SeenLeaves(MAX_SEALED_NAMES);
  #kept: Promise<unknown> | undefined;

  /** Knows nothing yet: see {@link restore}. */
  constructor(options: MessageIntakeOptions) {
    this.#options = options;
  }

  /** Messages that wait for a key. */
  get sealed(): number {
    return this.#sealed.size;
  }

  /** Resolves when what was taken is on disk, or was refused by it; undefined where there is nothing to wait for. */
  get kept(): Promise<unknown> | undefined {
    return this.#kept;
  }

  /** Takes over what was handled before a restart: names, and what is in the own feed. */
  async restore(names: Iterable<string>): Promise<void> {
    for (const name of names) this.#seen.add(name.slice(0, NAME_DIGITS));
    const { clock, feed } = this.#options;
    let count = 0;
    for (const path of [...feed.paths()]) {
      const value = feed.get(path);
      if (value === undefined || !path.startsWith("msgs/")) continue;
      this.#restoreLeaf(path, value);
      if (++count % 256 === 0) await clock.sleep(0);
    }
  }

  /** Whether a leaf need not be looked at: the own feed has the same. */
  isKnown({ path, value }: Pick<IncomingLeaf, "path" | "value">): boolean {
    const known = this.#options.feed.get(path);
    return known !== undefined && equalBytes(known, value);
  }

  /** Takes a leaf. */
  take(leaf: IncomingLeaf): LeafOutcome {
    const { path, value } = leaf;
    const read = readMessageLeaf(path, value);
    if (read instanceof LeafFault) return this.#passOver(read);
    const { digest, message } = read;
    const name = digest.slice(0, NAME_DIGITS);
    // What was handled was verified, and its digest covers all that is signed.
    if (this.#seen.has(name) || this.#sealedNames.has(name)) return "known";
    const fault = verifyMessage(message);
    if (fault !== undefined) return this.#passOver(fault);
    const { feed, groupId, log, self } = this.#options;
    if (message.sender === self) return this.#takeOwn(leaf, name);
    const body = this.#bodyOf(message);
    if (body === "heartbeat" || body === "mismatch") return "handled";
    const refusal = this.#refusalOf(message, leaf);
    if (refusal !== undefined) {
      log.debug(`skychat: cxo-group ${groupId}: message of ${message.sender} refused: ${refusal}`);
      // After a restart nobody could tell any more that it was dated back.
      if (refusal === BACK_DATED) void feed.keepSeen(this.sent(digest));
      return "refused";
    }
    if (body === "sealed") return this.#keepSealed(leaf, name);
    this.#sealed.delete(path);
    this.#seen.add(name);
    this.#options.remember(digest);
    return this.#handle(leaf, { message, name, body });
  }

  /**
   * Takes a leaf that a former process of this node had in its feed. Where nothing kept the feed it goes back
   * into it, also when it was shown already: whoever comes later may find it nowhere else.
   */
  recover({ path, value }: Pick<IncomingLeaf, "path" | "value">): void {
    const { feed, governance: { roster }, self } = this.#options;
    if (this.take({ path, value, member: self, before: undefined }) !== "known") return;
    const read = readMessageLeaf(path, value);
    if (read instanceof LeafFault || feed.has(path)) return;
    const { message } = read;
    const { sender, ts } = message;
    if (this.#retracted.has(`${sender}/${ts}`) || verifyMessage(message) !== undefined) return;
    if (roster.refusalOf(sender, ts) !== undefined) return;
    const text = this.#textOf(message);
    const body = text === undefined ? undefined : groupBodyOf(text);
    if (body?.kind === "heartbeat") return;
    void feed.add(path, value);
    if (body?.kind === "delete") void this.retract(sender, body.ts);
  }

  /** A message, of this node as a rule, will not be taken for a new one when it comes back. Its short name. */
  sent(digest: string): string {
    const name = digest.slice(0, NAME_DIGITS);
    this.#seen.add(name);
    this.#options.remember(digest);
    return name;
  }

  /** Gives what no key opened, to be taken again. */
  takeSealed(): readonly IncomingLeaf[] {
    const leaves = [...this.#sealed.values()];
    this.#sealed.clear();
    this.#sealedNames.clear();
    return leaves;
  }

  /** Takes back a message, own or not: its copy goes, and whoever shows it is told. */
  retract(sender: string, ts: bigint): Promise<void> {
    const { feed, groupId, sink } = this.#options;
    this.#retracted.add(`${sender}/${ts}`);
    void sink.retract({ groupId, sender, ts });
    return feed.drop([...feed.paths(`msgs/${sender}/${ts}`)]);
  }

  #restoreLeaf(path: string, value: Uint8Array): void {
    const read = readMessageLeaf(path, value);
    if (read instanceof LeafFault) return;
    const { digest, message } = read;
    const name = digest.slice(0, NAME_DIGITS);
    const text = this.#textOf(message);
    if (text === undefined) {
      this.#sealed.set(path, { path, value, member: "", before: undefined });
      this.#sealedNames.add(name);
      return;
    }
    this.#seen.add(name);
    const body = groupBodyOf(text);
    if (body.kind === "delete") this.#retracted.add(`${message.sender}/${body.ts}`);
  }

  #passOver({ message }: LeafFault): LeafOutcome {
    this.#options.log.debug(`skychat: cxo-group: a leaf was passed over: ${message}`);
    return "refused";
  }

  /** Own messages that a former process wrote and this one did not know. */
  #takeOwn({ path, value }: IncomingLeaf, name: string): LeafOutcome {
    this.#seen.add(name);
    const { feed } = this.#options;
    if (!feed.has(path)) void feed.add(path, value);
    return "handled";
  }

  #textOf(message: GroupMessage): string | undefined {
    const { keys } = this.#options;
    if (keys === undefined) return message.text;
    return openBody(keys.ring.keys(), message);
  }

  /** The text, or why there is none to show. */
  #bodyOf(message: GroupMessage): "heartbeat" | "mismatch" | "sealed" | { text: string } {
    const { keys } = this.#options;
    const isPlain = message.ciphertext.length === 0;
    if (isPlain && groupBodyOf(message.text).kind === "heartbeat") return "heartbeat";
    // What is not sealed does not belong into a private group, and the other way round.
    if (isPlain !== (keys === undefined)) return "mismatch";
    const text = this.#textOf(message);
    if (text === undefined) return "sealed";
    return groupBodyOf(text).kind === "heartbeat" ? "heartbeat" : { text };
  }

  #refusalOf(message: GroupMessage, { before, member }: IncomingLeaf): string | undefined {
    const { clock, governance: { roster } } = this.#options;
    const { sender, ts } = message;
    const refusal = roster.refusalOf(sender, ts);
    if (refusal !== undefined) return refusal;
    // Whoever may not speak now could pretend to have spoken earlier; in its own feed that shows.
    const isLate = member === sender && before !== undefined && ts < before - MAX_BEHIND;
    return isLate && roster.refusalOf(sender, clock.wall()) !== undefined ? BACK_DATED : undefined;
  }

  #keepSealed(leaf: IncomingLeaf, name: string): LeafOutcome {
    const { feed, mirrors } = this.#options;
    this.#sealedNames.add(name);
    this.#sealed.set(leaf.path, leaf);
    if (this.#sealed.size > MAX_SEALED_MESSAGES) {
      dropOfHeaviest(this.#sealed, (path) => path.split("/", 2)[1] ?? "");
    }
    if (mirrors() && !feed.has(leaf.path)) void feed.add(leaf.path, leaf.value);
    return "handled";
  }

  #handle(
    leaf: IncomingLeaf,
    { message, name, body: { text } }: {
      message: GroupMessage;
      name: string;
      body: { text: string };
    },
  ): LeafOutcome {
    const { isBlocked } = this.#options;
    const { sender, ts } = message;
    const body = groupBodyOf(text);
    if (body.kind === "delete") {
      this.#copy(leaf, name);
      this.#kept = this.retract(sender, body.ts);
      return "handled";
    }
    if (this.#retracted.has(`${sender}/${ts}`)) {
      void this.#options.feed.keepSeen(name);
      return "handled";
    }
    if (isBlocked(sender)) {
      this.#copy(leaf, name);
      return "handled";
    }
    this.#show(leaf, { message, name, text });
    return "shown";
  }

  /** Copies a leaf that is not shown. */
  #copy({ path, value }: IncomingLeaf, name: string): void {
    const { feed, mirrors } = this.#options;
    if (!mirrors()) this.#kept = feed.keepSeen(name);
    else if (!feed.has(path)) this.#kept = feed.add(path, value);
  }

  #show(
    leaf: IncomingLeaf,
    { message, name, text }: { message: GroupMessage; name: string; text: string },
  ): void {
    const { feed, groupId, journaled, keys, mirrors, onShown, sink } = this.#options;
    const { path, value } = leaf;
    // One that was copied while it could not be read is in the feed already.
    const copies = mirrors() && !feed.has(path);
    if (copies) feed.reserve(path, value);
    else feed.rememberSeen(name);
    const event: MessageEvent = {
      ...this.#eventOf(message, { name, text }),
      ...(journaled && {
        journal: {
          feed: groupJournalKey(groupId),
          entry: copies ? leafEntry(path, value) : seenEntry(name),
        },
      }),
    };
    onShown(message.ts);
    const kept = this.#kept = sink.surface(event);
    if (!copies) return;
    // Without the key, which is kept elsewhere and may be lost, the copy does not tell that it was shown.
    if (keys !== undefined) void feed.keepSeen(name);
    if (kept === undefined) feed.put(path, value);
    else void kept.then(() => feed.put(path, value));
  }

  #eventOf(
    { sender, ts }: GroupMessage,
    { name, text }: { name: string; text: string },
  ): MessageEvent {
    const { clock, governance: { roster }, groupId } = this.#options;
    const wall = clock.wall();
    return {
      direction: "in",
      id: name,
      network: "cxo",
      sender,
      text,
      length: utf8(text).length,
      channel: "group",
      groupId,
      wall,
      sentAt: ts,
      ...(!roster.isKnown(sender) && { listed: false as const }),
    };
  }
}

/** The short name of the message in a leaf of the own feed; undefined for what is none. */
export function messageName(path: string, value: Uint8Array): string | undefined {
  const read = readMessageLeaf(path, value);
  return read instanceof LeafFault ? undefined : read.digest.slice(0, NAME_DIGITS);
}
