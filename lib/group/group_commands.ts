import type { MemberAction } from "./governance_desk.ts";
import type { GroupSent } from "./group_publisher.ts";
import type { Mutation } from "./mutation.ts";

/** What an admin may decide; each gives the signed records, none where nothing changes (groups.md 5.4). */
export interface GroupCommands {
  /** Whether this node's user is an admin. */
  readonly isAdmin: boolean;
  /** A command about one person. Throws a `GroupError` with a text of groups.md 5.4. */
  act(action: MemberAction, peer: string): readonly Mutation[];
  /** Lets only admins write, or everybody again. Throws like {@link act}. */
  setReadOnly(on: boolean): readonly Mutation[];
  /** Lets every member serve the history, or only admins. Throws like {@link act}. */
  setBackfill(on: boolean): readonly Mutation[];
}

/** Writes messages to the own feed of a group. */
export interface GroupWriter {
  /**
   * Publishes a text; `to` only goes into the event. Resolves when it is kept and in the feed. Throws a
   * `GroupError` where this node may not write, or cannot.
   */
  send(text: string, options?: { readonly to?: string | undefined }): Promise<GroupSent>;
  /** Whether the own feed has a message of ours with this time, nanoseconds since 1970. */
  hasOwn(ts: bigint): boolean;
  /** Takes an own message back for everybody (groups.md 4.8). */
  unsend(ts: bigint): Promise<void>;
}
