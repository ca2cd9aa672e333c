import type { PublicKey } from "#crypto";
import type { Channel, Subscription } from "#events";
import type { Clock, Log } from "#kit";
import type { GroupsPort } from "./group_port.ts";

/** One message to send: what `POST /message` asks for, checked (http-api.md 4.1). */
export interface ControlSendRequest {
  /** The peer. */
  recipient: PublicKey;
  /** As the client sent it; empty is for the sender to refuse. */
  text: string;
  /** Milliseconds to wait for the receipt, above 0, not clamped yet. */
  waitMs?: number;
  /** Ask for a receipt without waiting. Never together with `waitMs`. */
  receipts?: boolean;
  /** Id of the quoted message. */
  replyTo?: string;
  /** One of the words of http-api.md 4.1: what to dial over. Without a visor it only colours error texts. */
  network?: string;
  /** Keep the message for a peer that is not connected; for this many milliseconds. */
  queueForMs?: number;
}

/** What became of a message; times are milliseconds, messages are texts of http-api.md 4.1. */
export type ControlSendOutcome =
  | { kind: "sent"; id: string; network: string }
  | { kind: "receipt-asked"; id: string }
  | { kind: "acked"; id: string; ms: number }
  | { kind: "timeout"; id: string; ms: number }
  | { kind: "queued"; id: string; expires: bigint /* nanoseconds since 1970 */ }
  | { kind: "published"; id: string; kept: boolean /* false: on no disk, though there is one */ }
  | { kind: "unpublished"; message: string /* why the feed did not take it */ }
  | { kind: "unqueueable"; code: "no-store" | "full" | "too-large"; message: string }
  | { kind: "failed"; code: string; message: string };

/** What the control surface needs from the rest of the process. */
export interface ControlPorts {
  /** Sends a direct message. Never rejects for what a peer or a client does. */
  send(request: ControlSendRequest): Promise<ControlSendOutcome>;
  /**
   * Sends to the group that messages go to, not empty text; present while there is one (groups.md 6.2).
   * `to`, 66 hex digits, is the recipient that the client named: it only goes into the outgoing event.
   * Outcomes are `published`, `unpublished` and `failed`.
   */
  readonly groupMessage?:
    | ((text: string, to?: string) => Promise<ControlSendOutcome>)
    | undefined;
  /**
   * Whether it takes messages with a recipient as well: where the node was started for a group, as in the
   * deployed system. In a group that began later, who writes to one person means that person.
   */
  readonly groupTakesAddressed?: boolean;
  /** Whether a visor started the node, which some refusals speak of. */
  readonly embedded?: boolean;
  /** Every key of http-api.md 4.4, ready for JSON. */
  status(): Record<string, unknown>;
  /** Where event streams come from. */
  events: {
    subscribeLegacy(): Subscription;
    subscribe(
      filter: { channels: ReadonlySet<Channel>; since: number; group?: string },
    ): Subscription;
    readonly legacySubscribers: number;
    /** Whether the numbers of `/events` outlive the process: then each event carries an SSE id. */
    readonly durable?: boolean;
  };
  /** Stored messages; undefined without `--persist`. */
  readonly history?: HistoryPort | undefined;
  /** Newest stored messages for a new `/sse` client; 0 is none. */
  readonly seedCount?: number;
  /** Messages to peers, beyond {@link send}. Best effort, never rejects. */
  readonly chat?: ChatPort;
  /** Queued messages; undefined without `--persist`. */
  readonly outbox?: OutboxPort | undefined;
  /** The address book; undefined when its file cannot be used. */
  readonly contacts?: ContactsPort | undefined;
  /** Block list and approval; undefined when their file cannot be used. */
  readonly privacy?: PrivacyPort | undefined;
  /** The groups; absent, every group route answers 503. */
  readonly groups?: GroupsPort | undefined;
  /** The unread estimate of http-api.md 4.18. */
  readonly unread?: { read(): number; reset(total: number): void };
  /** The body of `/metrics`, Prometheus text form 0.0.4. */
  metrics?(): string;
  /** Reasons why the node is not healthy; none when it is. */
  health?(): readonly string[];
  /** What is worth knowing of a healthy node; nothing when all is as it should be. */
  healthNotes?(): readonly string[];
}

/** What the history routes need; `History` of `#store` has this shape. */
export interface HistoryPort {
  /** The newest of all conversations, oldest first. */
  recent(limit: number): Promise<readonly StoredMessage[]>;
  /** The newest of one conversation, oldest first. */
  byPeer(peer: string, limit: number): Promise<readonly StoredMessage[]>;
  /** Keys with a conversation, in byte order. */
  peers(): Promise<readonly string[]>;
  /** Removes one message; whether there was one. */
  forget(peer: string, id: string): Promise<boolean>;
  /** Removes a conversation and its archived events; the number of messages. */
  forgetPeer(peer: string): Promise<number>;
  /** Hits of http-api.md 4.10, newest first. */
  search(query: string, limit: number): Promise<readonly object[]>;
  /** Every message in pages, for an export. */
  pages(): AsyncIterable<readonly StoredMessage[]>;
  /** Every group message in pages. */
  groupPages(): AsyncIterable<readonly object[]>;
  /** Merges by the rules of history.md 7.1; `full` when the store filled up on the way. */
  import(records: ImportRecords, onProgress?: (handled: number) => void): Promise<
    ImportCounts & { readonly full: boolean }
  >;
}

/** A record of history.md 3. */
export interface StoredMessage {
  /** The other side, for both directions. */
  readonly peer: string;
  /** Author of an inbound message. */
  readonly from?: string;
  /** Whether this node wrote it. */
  readonly outgoing: boolean;
  /** As it travelled: structured bodies stay raw. */
  readonly text: string;
  /** RFC 3339 in UTC, up to nanoseconds. */
  readonly timestamp: string;
  /** Wire id; absent for a message that travelled as raw text. */
  readonly id?: string;
  /** Id of the quoted message. */
  readonly reply_to?: string;
  /** Of a file message, from an imported archive. */
  readonly file_id?: string;
  /** The same. */
  readonly file_name?: string;
  /** The same, bytes. */
  readonly file_size?: number;
  /** The same. */
  readonly file_status?: string;
  /** The same. */
  readonly file_url?: string;
}

/** Records of an archive, checked (http-api.md 4.17). */
export interface ImportRecords {
  /** Direct messages. */
  readonly messages: readonly StoredMessage[];
  /** Messages of groups. */
  readonly groupMessages: readonly {
    readonly group_id: string;
    readonly sender_pk: string;
    readonly outgoing: boolean;
    readonly text: string;
    readonly timestamp: string;
  }[];
}

/** Counts of history.md 7.1. */
export interface ImportCounts {
  /** Stored. */
  readonly messages: number;
  /** Stored, of groups. */
  readonly group_messages: number;
  /** Skipped, because they are there already. */
  readonly duplicates: number;
  /** Refused by a limit, or no message. */
  readonly rejected: number;
  /** Stored, and older than the age limit. */
  readonly expiring: number;
  /** Pushed out again by the cap of their conversation. */
  readonly evicted: number;
}

/** What the routes about single messages need. */
export interface ChatPort {
  /** Tells a peer that its messages were seen. */
  sendRead(peer: PublicKey, ids: readonly string[]): Promise<void>;
  /** Retracts an own message on both sides and says so to local consumers. */
  sendDelete(peer: PublicKey, id: string): Promise<void>;
  /** How this node stands with a peer. */
  linkState(peer: PublicKey): LinkView;
  /** Begins to connect to a peer over `skynet`, `dmsg` or `auto`, where that is possible. */
  connect(peer: PublicKey, network: string): LinkView;
  /** Drops a conversation, or only its messages with an id, from the replay buffers. */
  forgetReplay(peer: string, id?: string): void;
}

/** The answer of `/link` (http-api.md 4.18). */
export interface LinkView {
  /** Whether there is a live link. */
  readonly ready: boolean;
  /** Whether one is being made. */
  readonly connecting: boolean;
  /** Why there is none. */
  readonly error?: string | undefined;
  /** What it goes over. */
  readonly network?: string;
}

/** Queued messages, as `GET /outbox` shows them. */
export interface OutboxPort {
  /** In the order of queueing, ready for JSON. */
  list(): readonly object[];
  /** Takes one out; false when there is none of that id. */
  cancel(id: string): Promise<boolean>;
}

/** The address book of http-api.md 4.11. Errors of `set` are `ContactsError`s with the spec's text. */
export interface ContactsPort {
  /** Names by key, sorted by key. */
  all(): Readonly<Record<string, string>>;
  /** Returns the name as stored; an empty one removes. */
  set(pk: string, name: string): Promise<string>;
  /** Fills gaps, never overwrites; the number added. */
  merge(names: Readonly<Record<string, unknown>>): Promise<number>;
}

/** The settings of http-api.md 4.12. Errors are `ContactsError`s with the spec's text. */
export interface PrivacyPort {
  /** Ready for JSON: approval, blocked, requests. */
  state(): Promise<object>;
  /** Turns the approval of new people on or off. */
  setApproval(approval: boolean): Promise<void>;
  /** Blocks or unblocks a key. */
  block(pk: string, blocked: boolean): Promise<void>;
  /** Lets a requester in. */
  accept(pk: string): Promise<void>;
}

/** How a {@link ControlServer} is set up. */
export interface ControlOptions {
  /** Text of `--addr`, http-api.md 1.1. */
  address: string;
  /** `--no-password`: whether an address that is not loopback may be bound. */
  allowNonLoopback: boolean;
  /** Who may use the surface; everybody who reaches it when absent (http-api.md 2). */
  gate?: PasswordGate | undefined;
  /** Where the server reports what an operator should know. */
  log: Log;
  /** For every deadline. */
  clock: Clock;
  /** Connections at a time; MAX_CONNECTIONS unless there are fewer descriptors. */
  maxConnections?: number;
}

/** Decides who may use the control surface. Made by `lib/http/auth.ts`. */
export interface PasswordGate {
  /**
   * Undefined lets the request pass; otherwise the refusal, after whatever delay it deserves.
   * `client` is the address the connection comes from.
   */
  check(
    request: { authorization: string | undefined; internalToken: string | undefined },
    client: string,
  ): Promise<Response | undefined>;
}
