import { PublicKey } from "#crypto";
import type { Clock } from "#kit";
import { type CallLimit, within } from "./call_limit.ts";
import { GobMismatch } from "./gob_fault.ts";
import { GobReader, gobUint } from "./gob_reader.ts";
import type { GobGiven, GobReceived, GobType } from "./gob_types.ts";
import { type IoFailure, ioFailureOf } from "./io_failure.ts";
import type { CallOptions, VisorClient } from "./visor_client.ts";
import { VisorError, visorText } from "./visor_error.ts";
import {
  ACCEPT_RESP,
  ADDR,
  DIAL_RESP,
  READ_REQ,
  READ_RESP,
  STRING,
  UINT,
  WRITE_REQ,
  WRITE_RESP,
} from "./visor_types.ts";

/**
 * Milliseconds for the answer to a call that does not wait for a peer (ours): the visor is on this
 * machine, and one that takes longer hangs.
 */
export const VISOR_CALL_LIMIT_MS = 10_000;
/** Largest number that a visor gives to a connection, a listener or a port (visor.md 4.1). */
const MAX_ID = 65_535;

/** Where something is on the mesh; `net` is sent as it is. */
export interface MeshAddress {
  readonly net: string;
  /** Undefined is sent as no key. */
  readonly key: PublicKey | undefined;
  readonly port: number;
}

/** A connection that a peer opened. */
export interface AcceptedConn {
  readonly connId: number;
  /** The key of the peer's visor, authenticated by ours; undefined where the answer has none that is a point. */
  readonly peer: PublicKey | undefined;
}

/** A connection that we opened. */
export interface DialledConn {
  readonly connId: number;
  readonly localPort: number;
}

/** What `Read` gave: bytes, and perhaps trouble that came after them. */
export interface ReadAnswer {
  readonly bytes: Uint8Array;
  readonly failure: IoFailure | undefined;
}

/** What `Write` did: bytes taken, and perhaps why no more. */
export interface WriteAnswer {
  readonly count: number;
  readonly failure: IoFailure | undefined;
}

/**
 * The methods of a visor that chat uses, with their types (visor.md 6.1). Each rejects with a
 * {@link VisorError}: what the call came to, or `bad-answer`. Those that do not wait for a peer have
 * {@link VISOR_CALL_LIMIT_MS}.
 */
export class VisorCalls {
  readonly #client: Pick<VisorClient, "call" | "words">;
  readonly #clock: Clock;

  /** Calls over this client. */
  constructor(client: Pick<VisorClient, "call" | "words">, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Shows a text as our status; `Running` and `Stopped` mean something (visor.md 6.2). */
  async setDetailedStatus(text: string): Promise<void> {
    await this.#ask("SetDetailedStatus", STRING, visorText(text));
  }

  /** Sets the text that stands as our error after we exit; an empty one clears it (visor.md 6.2). */
  async setError(text: string): Promise<void> {
    await this.#ask("SetError", STRING, visorText(text));
  }

  /** Tells which port we listen on. */
  async setAppPort(port: number, signal?: AbortSignal): Promise<void> {
    await this.#ask("SetAppPort", UINT, port, { signal });
  }

  /** Binds a port of a network; the listener's number. One that comes too late is closed. */
  async listen(address: MeshAddress, signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) throw new VisorError("aborted", "Listen: operation was canceled");
    const onLate = (answer: GobReceived) => {
      void this.#closeLate(answer);
    };
    const answer = await this.#ask("Listen", ADDR, addrOf(address), { signal, onLate });
    return this.#checked("Listen", () => gobUint(answer, MAX_ID));
  }

  /** Waits for a peer, without a time limit. */
  async accept(listenerId: number): Promise<AcceptedConn> {
    const answer = await this.#client.call("Accept", UINT, listenerId, { kind: "vital" });
    return this.#checked("Accept", () => {
      const reader = new GobReader(answer, ACCEPT_RESP);
      const key = reader.struct("Remote")?.opaque("PubKey", "binary");
      return {
        connId: reader.uint("ConnID", MAX_ID),
        peer: key === undefined ? undefined : PublicKey.fromBytes(key),
      };
    });
  }

  /** Connects to a peer, without a time limit: `dialMesh` sets one and cleans up. */
  async dial(address: MeshAddress): Promise<DialledConn> {
    const answer = await this.#client.call("Dial", ADDR, addrOf(address), { kind: "dial" });
    return this.#checked("Dial", () => {
      const reader = new GobReader(answer, DIAL_RESP);
      return {
        connId: reader.uint("ConnID", MAX_ID),
        localPort: reader.uint("LocalPort", MAX_ID),
      };
    });
  }

  /**
   * Waits for at most `length` bytes, which must not be negative: that would crash a visor (visor.md 6.3).
   * The signal takes back what was not sent yet.
   */
  async read(connId: number, length: number, signal?: AbortSignal): Promise<ReadAnswer> {
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError(`Cannot read ${length} bytes`);
    }
    const request = { ConnID: connId, BufLen: length };
    const answer = await this.#client.call("Read", READ_REQ, request, { kind: "vital", signal });
    return this.#checked("Read", () => {
      const reader = new GobReader(answer, READ_RESP);
      const bytes = reader.bytes("B");
      const count = reader.int("N");
      if (bytes.length !== count || count > length) {
        throw new VisorError(
          "bad-answer",
          `Read: ${bytes.length} bytes that are said to be ${count}`,
        );
      }
      return { bytes, failure: this.#failureOf(reader) };
    });
  }

  /**
   * Hands bytes to a connection; it may take fewer. They must not change until this settles. There is no
   * time limit; the signal takes back what was not sent yet.
   */
  async write(connId: number, bytes: Uint8Array, signal?: AbortSignal): Promise<WriteAnswer> {
    const request = { ConnID: connId, B: bytes };
    const answer = await this.#client.call("Write", WRITE_REQ, request, { kind: "write", signal });
    return this.#checked("Write", () => {
      const reader = new GobReader(answer, WRITE_RESP);
      const count = reader.int("N");
      if (count < 0 || count > bytes.length) {
        throw new VisorError("bad-answer", `Write: ${count} of ${bytes.length} bytes written`);
      }
      return { count, failure: this.#failureOf(reader) };
    });
  }

  /** Closes a connection; sent as soon as there is room, also when this has given up the answer. */
  async closeConn(connId: number): Promise<void> {
    await this.#ask("CloseConn", UINT, connId, { kind: "vital" });
  }

  /** Closes a listener; its connections live on. */
  async closeListener(listenerId: number): Promise<void> {
    await this.#ask("CloseListener", UINT, listenerId);
  }

  #ask(
    method: string,
    type: GobType,
    argument: GobGiven,
    { kind, ...how }:
      & Pick<CallLimit<GobReceived>, "onLate" | "signal">
      & Pick<CallOptions, "kind"> = {},
  ): Promise<GobReceived> {
    const [clock, limitMs] = [this.#clock, VISOR_CALL_LIMIT_MS];
    return within(this.#client.call(method, type, argument, { kind }), {
      ...how,
      clock,
      limitMs,
      what: method,
    });
  }

  /** Never rejects. */
  async #closeLate(answer: GobReceived): Promise<void> {
    try {
      await this.closeListener(gobUint(answer, MAX_ID));
    } catch {
      // It was never of use to anyone, and the visor has been asked.
    }
  }

  #failureOf(reader: GobReader): IoFailure | undefined {
    const error = reader.struct("Err");
    if (error === undefined) return undefined;
    return ioFailureOf({
      text: this.#client.words(error.text("Text")),
      isNetError: error.flag("IsNetErr"),
      isTimeout: error.flag("IsTimeoutErr"),
    });
  }

  /** Reads an answer; what does not fit is the visor's failure. */
  #checked<T>(method: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof GobMismatch)) throw error;
      throw new VisorError("bad-answer", `${method}: ${this.#client.words(error.message)}`);
    }
  }
}

function addrOf({ net, key, port }: MeshAddress): GobGiven {
  return { Net: net, PubKey: key?.bytes, Port: port };
}
