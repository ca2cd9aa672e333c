/**
 * Why an operation on a group did not happen: the `code` of what {@link GroupsPort} throws, which is a
 * `CodedError` (`GroupError` of `#group` has this shape). Each has a status in `route.ts`; the
 * text of the answer is the error's, except that of `no-such-group`, which groups.md 6.4 fixes.
 */
export type GroupRefusalCode =
  | "no-such-group"
  | "no-such-message"
  | "bad-group-request"
  | "group-forbidden"
  | "group-not-uuid"
  | "group-conflict"
  | "group-unsupported"
  | "group-failed"
  | "group-unavailable";

/** What `POST /group` asks for (groups.md 6.4), shapes checked. */
export interface GroupCreateRequest {
  /** Not blank, as sent. */
  readonly name: string;
  /** Absent: follows from the mode, `public` without one. */
  readonly kind?: GroupKind;
  /** Agrees with the kind where there is one. */
  readonly mode?: GroupMode;
  /** 66 hex digits in lower case, without repetitions. */
  readonly members: readonly string[];
  /** Absent: on. */
  readonly peerBackfill?: boolean;
  /** Where members reach this node, `host:port`; ours. */
  readonly address?: string;
}

/** What a group is for (groups.md 1.2); it never changes. */
export type GroupKind = "public" | "private" | "channel";
/** Whether bodies are plain or encrypted (groups.md 1.2). */
export type GroupMode = "public" | "private";

/** A created group, with the command lines that start its nodes anew. */
export interface CreatedGroup {
  /** GroupInfo of groups.md 6.4. */
  readonly info: object;
  /** The link of groups.md 5.1. */
  readonly invite: string;
  /** What to start the owner's node and a member's node with; ours. */
  readonly start: { readonly owner: string; readonly member: string };
}

/** What an admin does to one key (groups.md 5.4). */
export type MemberAction =
  | "add"
  | "remove"
  | "ban"
  | "unban"
  | "mute"
  | "unmute"
  | "promote"
  | "demote";

/** One change of a member. */
export interface MemberChange {
  /** What is done. */
  readonly action: MemberAction;
  /** 66 hex digits in lower case, a key. */
  readonly pk: string;
  /** Where the newcomer can be dialled, `host:port`; only with `add`. */
  readonly address?: string;
}

/**
 * The groups of this process, as the group routes drive them (groups.md 6.4).
 *
 * Every operation but {@link GroupsPort.list}, {@link GroupsPort.stored}, {@link GroupsPort.create} and
 * {@link GroupsPort.join} throws, or rejects, with `no-such-group` for an id that is not here; all do so
 * with the other codes of {@link GroupRefusalCode}. Objects are GroupInfo of groups.md 6.4 unless said
 * otherwise, ready for JSON: a `bigint` in them is written as an integer, to the last digit.
 */
export interface GroupsPort {
  /** What is said of a request that has no meaning here. */
  readonly unsupported: string;
  /** All groups, without those that were left or revoked. */
  list(): readonly object[];
  /** One of them. */
  info(id: string): object;
  /** Makes a group of which this node is the founder. */
  create(request: GroupCreateRequest): Promise<CreatedGroup>;
  /**
   * Joins by an invite link (`skychat:invite:…`) or by a short address (`skychat://<pk>/<id>`): exactly
   * one of the two is there, trimmed and not empty.
   */
  join(request: { readonly invite?: string; readonly address?: string }): Promise<object>;
  /** An invite link. With `address`, `host:port`, it names that for this node. */
  invite(id: string, request: { readonly address?: string }): string;
  /** Sends a text, not empty; its time, and whether it is on disk (false: a restart loses it). */
  send(id: string, text: string): Promise<{ readonly tsNano: bigint; readonly kept: boolean }>;
  /** Retracts an own message for everybody (groups.md 4.8); the time is above 0. */
  unsend(id: string, tsNano: bigint): Promise<void>;
  /**
   * The newest messages, oldest first, retracted ones left out: 1 to 1 000 of them, only those before a
   * time, which is above 0. Each is `{group_id, sender_pk, text, ts, ts_nano, …}` with the text as it
   * was signed: the route unwraps structured bodies.
   */
  history(
    id: string,
    request: { readonly limit: number; readonly before?: bigint },
  ): Promise<readonly GroupHistoryEntry[]>;
  /** Groups that the store has messages of: `{group_id, count, newest}`; ours. */
  stored(): Promise<readonly object[]>;
  /** Changes one member. */
  change(id: string, change: MemberChange): Promise<object>;
  /** Lets only admins write, or everybody again. */
  setReadOnly(id: string, on: boolean): Promise<object>;
  /** Lets every member serve the history, or only admins. */
  setBackfill(id: string, on: boolean): Promise<object>;
  /** Makes a new key of a private group; its epoch, and how many members it was sealed for. */
  rotateKey(
    id: string,
  ): Promise<{ readonly info: object; readonly epoch: number; readonly recipients: number }>;
  /** Gives the group another name. */
  rename(id: string, name: string): Promise<object>;
  /** Departs. */
  leave(id: string): Promise<void>;
  /** Revokes the group here. */
  remove(id: string): Promise<void>;
}

/** A message of `GET /group/<id>/history`, ready for JSON but for its text. */
export interface GroupHistoryEntry {
  /** The group. */
  readonly group_id: string;
  /** 66 hex digits. */
  readonly sender_pk: string;
  /** As it was signed: structured bodies still wrapped. */
  readonly text: string;
  /** The author's time, RFC 3339. */
  readonly ts: string;
  /** The same, nanoseconds since 1970. */
  readonly ts_nano: bigint;
}
