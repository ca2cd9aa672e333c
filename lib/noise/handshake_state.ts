import { concat, NO_BYTES, type Random } from "#kit";
import { PUBLIC_KEY_LENGTH, type PublicKey, SecretKey } from "#crypto";
import { BAD_TAG, failure, type NoiseFailure, type NoiseRead } from "./failure.ts";
import type { DhToken, Pattern, Role, Token } from "./patterns.ts";
import { readRemoteKey } from "./remote_key.ts";
import type { Suite } from "./suite.ts";
import { type SplitKeys, type SymmetricSnapshot, SymmetricState } from "./symmetric_state.ts";
import { assignKeys, type TransportKeys } from "./transport_keys.ts";

/** What a handshake starts from. */
export interface HandshakeOptions {
  /** XK or XX, as a table of tokens. */
  readonly pattern: Pattern;
  /** Primitives and deviations; {@link SKYWIRE_SUITE} on the wire. */
  readonly suite: Suite;
  /** Whether this side speaks first. */
  readonly role: Role;
  /** Our static key. */
  readonly local: SecretKey;
  /** The peer's static key, exactly when the pattern says that it is known beforehand. */
  readonly remote?: PublicKey | undefined;
  /** 32 bytes are drawn at once for the ephemeral key. */
  readonly random: Random;
  /** Bytes both sides must agree on; default none, which is still hashed. */
  readonly prologue?: Uint8Array;
  /** Sees the secrets after every step: for comparison with vectors, never for logs. */
  readonly observe?: (step: string, state: SymmetricSnapshot) => void;
}

const TOO_SHORT = failure("message-too-short", "noise: message is too short");

/**
 * One Noise handshake of either role, driven by the pattern's table and the suite's value (Noise
 * specification, section 5.3; noise.md 3). Messages in, messages out, without frames.
 *
 * What a peer sends is answered with a {@link NoiseRead}; calls in the wrong order throw.
 */
export class HandshakeState {
  readonly #options: HandshakeOptions;
  readonly #symmetric: SymmetricState;
  readonly #ephemeral: SecretKey;
  #remoteStatic: PublicKey | undefined;
  #remoteEphemeral: PublicKey | undefined;
  #next = 0;
  #failed = false;

  /**
   * A handshake before its first message; draws the ephemeral key.
   *
   * @throws {TypeError} when the pattern and `remote` do not fit each other.
   */
  constructor(options: HandshakeOptions) {
    const { pattern, role, remote } = options;
    if (pattern.preMessages.includes(opposite(role)) !== (remote !== undefined)) {
      throw new TypeError(
        remote === undefined
          ? `Cannot start a ${pattern.name} ${role} without the peer's public key: pass remote`
          : `Cannot tell a ${pattern.name} ${role} the peer's key: it learns it; omit remote`,
      );
    }
    this.#options = options;
    this.#remoteStatic = remote;
    this.#ephemeral = SecretKey.generate(options.random);
    this.#symmetric = new SymmetricState(`Noise_${pattern.name}_${options.suite.name}`);
    this.#report("initialize");
    this.#symmetric.mixHash(options.prologue ?? NO_BYTES);
    this.#report("prologue");
    for (const owner of pattern.preMessages) {
      this.#symmetric.mixHash(this.#staticOf(owner).bytes);
      this.#report(`pre-message: ${owner} static`);
    }
  }

  /** What the table wants next: our message, the peer's, or nothing any more. */
  get turn(): "write" | "read" | "done" {
    const message = this.#options.pattern.messages[this.#next];
    if (message === undefined) return "done";
    return message.from === this.#options.role ? "write" : "read";
  }

  /** The peer's static key: pinned, or as learned so far. */
  get remoteStatic(): PublicKey | undefined {
    return this.#remoteStatic;
  }

  /** The transcript hash: the handshake hash once {@link turn} is `done`. */
  get hash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** Our next message. The payload is sealed as soon as the pattern has a key. */
  writeMessage(payload: Uint8Array = NO_BYTES): Uint8Array {
    const tokens = this.#tokensFor("write");
    const parts: Uint8Array[] = [];
    for (const token of tokens) {
      if (token === "e") {
        parts.push(this.#ephemeral.publicKey.bytes);
        this.#symmetric.mixHash(this.#ephemeral.publicKey.bytes);
      } else if (token === "s") {
        parts.push(this.#symmetric.encryptAndHash(this.#options.local.publicKey.bytes));
      } else {
        this.#mixDh(token);
      }
      this.#report(`${this.#next + 1} ${token}`);
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    this.#finishMessage();
    return concat(...parts);
  }

  /** Takes the peer's next message and gives its payload. After a failure nothing else works. */
  readMessage(message: Uint8Array): NoiseRead {
    const tokens = this.#tokensFor("read");
    let rest = message;
    for (const token of tokens) {
      if (token === "e" || token === "s") {
        const length = PUBLIC_KEY_LENGTH + (token === "s" ? this.#symmetric.overhead : 0);
        if (rest.length < length) return this.#fail(TOO_SHORT);
        const failed = this.#readKey(token, rest.subarray(0, length));
        if (failed !== undefined) return this.#fail(failed);
        rest = rest.subarray(length);
      } else {
        this.#mixDh(token);
      }
      this.#report(`${this.#next + 1} ${token}`);
    }
    const payload = this.#symmetric.decryptAndHash(rest);
    if (payload === undefined) return this.#fail(BAD_TAG);
    this.#finishMessage();
    return { ok: true, bytes: payload };
  }

  /** The two keys of Noise's Split(), in the specification's order. */
  split(): SplitKeys {
    if (this.#failed || this.turn !== "done") throw new Error("Cannot split: handshake not done");
    return this.#symmetric.split();
  }

  /** The split keys by direction, assigned as the suite says. */
  transportKeys(): TransportKeys {
    const { pattern, role, suite } = this.#options;
    return assignKeys(this.split(), { pattern, role, order: suite.splitOrder });
  }

  #readKey(token: "e" | "s", field: Uint8Array): NoiseFailure | undefined {
    const bytes = token === "e" ? field : this.#symmetric.decryptAndHash(field);
    if (bytes === undefined) return BAD_TAG;
    const key = readRemoteKey(bytes);
    if ("ok" in key) return key;
    if (token === "s") {
      this.#remoteStatic = key;
    } else {
      this.#remoteEphemeral = key;
      this.#symmetric.mixHash(bytes);
    }
    return undefined;
  }

  #mixDh(token: DhToken): void {
    const initiator = this.#options.role === "initiator";
    const own = initiator ? token[0] : token[1];
    const other = initiator ? token[1] : token[0];
    const secret = own === "e" ? this.#ephemeral : this.#options.local;
    const peer = other === "e" ? this.#remoteEphemeral : this.#remoteStatic;
    if (peer === undefined) throw new TypeError(`Pattern error: ${token} before the peer's key`);
    this.#symmetric.mixKey(this.#options.suite.dh(secret, peer));
  }

  #staticOf(owner: Role): PublicKey {
    if (owner === this.#options.role) return this.#options.local.publicKey;
    if (this.#remoteStatic === undefined) throw new TypeError("Pattern error: unknown static key");
    return this.#remoteStatic;
  }

  #tokensFor(turn: "write" | "read"): readonly Token[] {
    const message = this.#options.pattern.messages[this.#next];
    if (this.#failed || message === undefined || this.turn !== turn) {
      throw new Error(`Cannot ${turn} a handshake message: ${this.#failed ? "failed" : this.turn}`);
    }
    return message.tokens;
  }

  #finishMessage(): void {
    this.#next++;
    this.#report(`${this.#next} payload`);
  }

  #fail(failed: NoiseFailure): NoiseFailure {
    this.#failed = true;
    return failed;
  }

  #report(step: string): void {
    this.#options.observe?.(step, this.#symmetric.snapshot());
  }
}

function opposite(role: Role): Role {
  return role === "initiator" ? "responder" : "initiator";
}
