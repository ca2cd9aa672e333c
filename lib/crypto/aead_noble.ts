import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import {
  type AeadBackend,
  checkAssociated,
  checkData,
  checkKey,
  type Cipher,
  TAG_LENGTH,
} from "./cipher.ts";
import { NO_BYTES } from "#kit";

/** The AEAD in plain JavaScript: the reference, and what runs where WebAssembly does not. */
export const nobleAead: AeadBackend = { name: "noble", cipherOf };

function cipherOf(key: Uint8Array, prefix = 0): Cipher {
  checkKey(key);
  const ownKey = key.slice();
  function seal(counter: bigint, plaintext: Uint8Array, associated = NO_BYTES): Uint8Array {
    checkData(plaintext.length);
    checkAssociated(associated);
    return chacha20poly1305(ownKey, nonceOf(prefix, counter), associated).encrypt(plaintext);
  }
  function open(
    counter: bigint,
    sealed: Uint8Array,
    associated = NO_BYTES,
  ): Uint8Array | undefined {
    checkData(sealed.length - TAG_LENGTH);
    checkAssociated(associated);
    if (sealed.length < TAG_LENGTH) return undefined;
    try {
      return chacha20poly1305(ownKey, nonceOf(prefix, counter), associated).decrypt(sealed);
    } catch {
      return undefined;
    }
  }
  return {
    seal,
    sealInto: (target, offset, counter, plaintext) => target.set(seal(counter, plaintext), offset),
    open,
    openInPlace(counter, sealed) {
      const plaintext = open(counter, sealed);
      if (plaintext === undefined) return undefined;
      sealed.set(plaintext);
      return sealed.subarray(0, plaintext.length);
    },
  };
}

function nonceOf(prefix: number, counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(0, prefix, true);
  view.setBigUint64(4, counter, true);
  return nonce;
}
