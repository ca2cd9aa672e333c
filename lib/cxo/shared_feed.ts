import type { CxoFault } from "./fault.ts";
import type { CxoMessage, RootMessage } from "./messages.ts";
import type { KeyHex, ObjectId } from "./object_id.ts";
import type { SignedRoot } from "./root.ts";

/** A connection from which the objects of a Root can be requested; `CxoConnection` has this shape. */
export interface RootSource {
  /** Node id of the other side. */
  readonly peer: KeyHex;
  /** Its `ip:port`. */
  readonly remoteAddress: string;
  /** Sends a request; never rejects. See `CxoConnection.request`. */
  request(
    message: CxoMessage,
    options?: { readonly giveUps?: Set<() => void>; readonly timeoutMs?: number },
  ): Promise<CxoMessage | "timeout" | "closed">;
}

/** A feed that a node serves to its members: its own, or one that it follows. */
export interface SharedFeed {
  /** The key that signs its Roots. */
  readonly key: KeyHex;
  /** The newest Root of which every object is held. */
  readonly last: SignedRoot | undefined;
  /**
   * The same, to be given to whoever publishes the feed and may have lost it (cxo.md 5.8), and after it one
   * that was given before: their objects stay for as long as fetching them may take, whatever comes next.
   */
  giveBack(): readonly SignedRoot[];
  /** An object that is held for this feed. */
  object(id: ObjectId): Uint8Array | undefined;
  /**
   * Takes a Root that a member pushed (cxo.md 4.5). What it asks for is fetched from `source` later.
   *
   * @returns the fault that no honest peer makes: its connection is to be ended; or that the Root is older
   * than the last one.
   */
  offer(message: RootMessage, source: RootSource): CxoFault | "stale" | undefined;
}

/** To whom a feed is served: whoever may follow it, or only the node of its publisher, to give it back. */
export type Audience = "followers" | "publisher";
