import { FieldReader, FieldWriter } from "./byte_fields.ts";
import type { KeyRun } from "./free_key.ts";
import { everyRecordRange, peerKey, peerOf, peersRange, recordPlace } from "./keyspace.ts";
import { PEER_OVERHEAD_BYTES } from "./policy.ts";
import { StoreError } from "./store_error.ts";
import type { Transaction } from "./transaction.ts";
import { LIST_BATCH } from "./whole_rows.ts";

/** What is known of a conversation without reading its records. */
export interface Sums {
  /** Records on disk. */
  readonly count: number;
  /** Their bytes. */
  readonly bytes: number;
  /** No record has a larger key. */
  readonly newest: bigint;
}

/** A record on disk that is known without its contents. */
export interface OldRecord {
  readonly at: bigint;
  /** Of its value. */
  readonly length: number;
}

/** A conversation in memory. */
export interface Conversation {
  readonly peer: string;
  /** Its number in keys; changes only where a failed commit left another one on disk. */
  id: number;
  sums: Sums;
  /** Bytes of admitted records that are not on disk yet, and their number. */
  pendingBytes: number;
  pendingCount: number;
  /** Records that were ever removed from it by this process. */
  removed: number;
  /** Its oldest records, if they were read and nothing changed there since. */
  oldest: OldRecord[] | undefined;
  /** Keys found taken last. */
  run: KeyRun | undefined;
}

const NO_RECORDS: Sums = { count: 0, bytes: 0, newest: -1n };

/**
 * The sums of all conversations: in memory for decisions, on disk written in the same commit as the
 * records that they count.
 */
export class Conversations {
  readonly #byPeer = new Map<string, Conversation>();
  readonly #byId = new Map<number, Conversation>();
  #nextId = 1;
  #bytes = 0;
  #count = 0;
  #sorted: readonly string[] | undefined;

  /** Bytes of live records, those on their way to the disk included, and 64 a conversation. */
  get bytes(): number {
    return this.#bytes + PEER_OVERHEAD_BYTES * this.#byPeer.size;
  }

  /** Records on disk. */
  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  /** All of them, in no order. */
  all(): readonly Conversation[] {
    return [...this.#byPeer.values()];
  }

  /** All of them, by the byte order of their keys. */
  sorted(): readonly Conversation[] {
    this.#sorted ??= [...this.#byPeer.keys()].sort();
    return this.#sorted.flatMap((peer) => this.#byPeer.get(peer) ?? []);
  }

  get(peer: string): Conversation | undefined {
    return this.#byPeer.get(peer);
  }

  byId(id: number): Conversation | undefined {
    return this.#byId.get(id);
  }

  /** Reads the rows of the disk, at opening and after a commit whose outcome is unknown. */
  async load(kv: Deno.Kv): Promise<void> {
    const found = new Set<string>();
    for await (const { key, value } of kv.list(peersRange(), { batchSize: LIST_BATCH })) {
      const peer = peerOf(key);
      if (!(value instanceof Uint8Array)) throw damaged(peer);
      const reader = new FieldReader(value);
      const id = reader.number();
      const sums = { count: reader.number(), bytes: reader.number(), newest: reader.long() };
      found.add(peer);
      const known = this.#byPeer.get(peer);
      if (known !== undefined) {
        this.#renumber(known, id);
        known.removed += Math.max(0, known.sums.count - sums.count);
      }
      this.setSums(known ?? this.#add(peer, id), sums);
    }
    for (const conversation of [...this.#byPeer.values()]) {
      conversation.oldest = undefined;
      if (found.has(conversation.peer)) continue;
      conversation.removed += conversation.sums.count;
      this.setSums(conversation, NO_RECORDS);
    }
    // A number whose row cannot be read must not be given to somebody else: messages would mix.
    for await (const { key } of kv.list(everyRecordRange(), { reverse: true, limit: 1 })) {
      this.#nextId = Math.max(this.#nextId, recordPlace(key).conversation + 1);
    }
  }

  /** Counts an admitted record that is not on disk yet. */
  reserve(peer: string, bytes: number): Conversation {
    const conversation = this.#byPeer.get(peer) ?? this.#add(peer, this.#nextId);
    conversation.pendingBytes += bytes;
    conversation.pendingCount++;
    this.#bytes += bytes;
    return conversation;
  }

  /** Undoes {@link reserve}, once the record is on disk or lost. */
  release(conversation: Conversation, bytes: number): void {
    conversation.pendingBytes -= bytes;
    conversation.pendingCount--;
    this.#bytes -= bytes;
    this.#dropIfEmpty(conversation);
  }

  /** Says what is on disk now. */
  setSums(conversation: Conversation, sums: Sums): void {
    this.#bytes += sums.bytes - conversation.sums.bytes;
    this.#count += sums.count - conversation.sums.count;
    conversation.sums = sums;
    this.#dropIfEmpty(conversation);
  }

  #add(peer: string, id: number): Conversation {
    const conversation: Conversation = {
      peer,
      id,
      sums: NO_RECORDS,
      pendingBytes: 0,
      pendingCount: 0,
      removed: 0,
      oldest: undefined,
      run: undefined,
    };
    this.#byPeer.set(peer, conversation);
    this.#byId.set(id, conversation);
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#sorted = undefined;
    return conversation;
  }

  /** After a commit that failed and was made all the same, the disk knows better. */
  #renumber(conversation: Conversation, id: number): void {
    if (this.#byId.get(conversation.id) === conversation) this.#byId.delete(conversation.id);
    conversation.id = id;
    this.#byId.set(id, conversation);
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  #dropIfEmpty(conversation: Conversation): void {
    if (conversation.sums.count > 0 || conversation.pendingCount > 0) return;
    this.#byPeer.delete(conversation.peer);
    this.#byId.delete(conversation.id);
    this.#sorted = undefined;
  }
}

/** Sums as one commit will leave them. */
export class SumsDraft {
  readonly #drafts = new Map<Conversation, { count: number; bytes: number; newest: bigint }>();

  /** Conversations that change. */
  get size(): number {
    return this.#drafts.size;
  }

  /** The sums of a conversation, to be changed. */
  of(conversation: Conversation): { count: number; bytes: number; newest: bigint } {
    let draft = this.#drafts.get(conversation);
    if (draft === undefined) this.#drafts.set(conversation, draft = { ...conversation.sums });
    return draft;
  }

  /** Puts the rows into the commit. */
  write(transaction: Transaction): void {
    for (const [{ peer, id }, { count, bytes, newest }] of this.#drafts) {
      if (count <= 0) transaction.delete(peerKey(peer));
      else {
        transaction.set(
          peerKey(peer),
          new FieldWriter().number(id).number(count).number(bytes).long(newest).finish(),
        );
      }
    }
  }

  /** Takes them over, after the commit. */
  apply(conversations: Conversations): void {
    for (const [conversation, sums] of this.#drafts) conversations.setSums(conversation, sums);
  }
}

function damaged(peer: string): StoreError {
  return new StoreError("disk", `the sums of the conversation with ${peer} cannot be read`);
}
