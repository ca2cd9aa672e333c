/** Which end of a connection: the initiator is the side that opened it. */
export type Role = "initiator" | "responder";

/** A DH of two keys, the initiator's named first: `es` = initiator ephemeral with responder static. */
export type DhToken = "ee" | "es" | "se" | "ss";

/** One step of a handshake message, in the notation of the Noise specification. */
export type Token = "e" | "s" | DhToken;

/** A handshake pattern as data (Noise specification, section 7). */
export interface Pattern {
  /** As in the protocol name. */
  readonly name: string;
  /** Whose static key the other side knows beforehand; mixed into the hash in this order. */
  readonly preMessages: readonly Role[];
  /** The messages in order; the payload of each follows its tokens. */
  readonly messages: readonly { readonly from: Role; readonly tokens: readonly Token[] }[];
}

/** The initiator knows the responder's key and shows its own last: tcp-direct (noise.md 3.3). */
export const XK: Pattern = {
  name: "XK",
  preMessages: ["responder"],
  messages: [
    { from: "initiator", tokens: ["e", "es"] },
    { from: "responder", tokens: ["e", "ee"] },
    { from: "initiator", tokens: ["s", "se"] },
  ],
};

/** Both learn the other's key; payload 1 travels in clear text: CXO feeds (cxo.md 2.1). */
export const XX: Pattern = {
  name: "XX",
  preMessages: [],
  messages: [
    { from: "initiator", tokens: ["e"] },
    { from: "responder", tokens: ["e", "ee", "s", "es"] },
    { from: "initiator", tokens: ["s", "se"] },
  ],
};
