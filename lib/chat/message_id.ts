import { type Random, toHex } from "#kit";

/** Bytes of a message id before they become hex digits. */
const ID_LENGTH = 8;

/** A new message id: 8 random bytes as 16 lower-case hex digits, leading zeros kept (messages.md 3.1). */
export function newMessageId(random: Random): string {
  return toHex(random.bytes(ID_LENGTH));
}
