import { PublicKey } from "#crypto";
import type { Clock } from "#kit";
import { within } from "./call_limit.ts";
import { GobMismatch } from "./gob_fault.ts";
import { GobReader, gobUint } from "./gob_reader.ts";
import { gobTime } from "./gob_time.ts";
import type { GobGiven, GobReceived, GobType } from "./gob_types.ts";
import { type IoFailure, ioFailureOf } from "./io_failure.ts";
import type { VisorClient } from "./visor_client.ts";
import { VisorError, visorText } from "./visor_error.ts";
import {
  ADDR,
  DEADLINE_REQ,
  NOTIFY_REQ,
  READ_REQ,
  STRING,
  UINT,
  WRITE_REQ,
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
  readonly #client: Pick<VisorClient, "call">;
  readonly #clock: Clock;
  /** Set once the visor turned out to be older than `Notify`. */
  #cannotNotify = false;

  /** Calls over this client. */
  constructor(client: Pick<VisorClient, "call">, clock: Clock) {
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
  async setAppPort(port: number): Promise<void> {
    await this.#ask("SetAppPort", UINT, port);
  }

  /** Binds a port of a network; the listener's number. One that comes too late is closed. */
  async listen(address: MeshAddress): Promise<number> {
    const onLate = (answer: GobReceived) => {
      void this.#closeLate(answer);
    };
    const answer = await this.#ask("Listen", ADDR, addrOf(address), onLate);
    return checked("Listen", () => gobUint(answer, MAX_ID));
  }

  /** Waits for a peer, without a time limit. */
  async accept(listenerId: number): Promise<AcceptedConn> {
    const answer = await this.#client.call("Accept", UINT, listenerId);
    return checked("Accept", () => {
      const reader = new GobReader(answer);
      const key = reader.struct("Remote")?.opaque("PubKey", "binary");
      return {
        connId: reader.uint("ConnID", MAX_ID),
        peer: key === undefined ? undefined : PublicKey.fromBytes(key),
      };
    });
  }

  /** Connects to a peer, without a time limit: `dialMesh` sets one and cleans up. */
  async dial(address: MeshAddress): Promise<DialledConn> {
    const answer = await this.#client.call("Dial", ADDR, addrOf(address));
    return checked("Dial", () => {
      const reader = new GobReader(answer);
      return {
        connId: reader.uint("ConnID", MAX_ID),
        localPort: reader.uint("LocalPort", MAX_ID),
      };
    });
  }

  /** Waits for at most `length` bytes, which must not be negative: that would crash a visor (visor.md 6.3). */
  async read(connId: number, length: number): Promise<ReadAnswer> {
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError(`Cannot read ${length} bytes`);
    }
    const answer = await this.#client.call("Read", READ_REQ, { ConnID: connId, BufLen: length });
    return checked("Read", () => {
      const reader = new GobReader(answer);
      const bytes = reader.bytes("B");
      const count = reader.int("N");
      if (bytes.length !== count || count > length) {
        throw badAnswer("Read", `${bytes.length} bytes that are said to be ${count}`);
      }
      return { bytes, failure: failureOf(reader) };
    });
  }

  /** Hands bytes to a connection; it may take fewer. There is no time limit. */
  async write(connId: number, bytes: Uint8Array): Promise<WriteAnswer> {
    const answer = await this.#client.call("Write", WRITE_REQ, { ConnID: connId, B: bytes });
    return checked("Write", () => {
      const reader = new GobReader(answer);
      const count = reader.int("N");
      if (count < 0 || count > bytes.length) {
        throw badAnswer("Write", `${count} of ${bytes.length} bytes written`);
      }
      return { count, failure: failureOf(reader) };
    });
  }

  /** Closes a connection. */
  async closeConn(connId: number): Promise<void> {
    await this.#ask("CloseConn", UINT, connId);
  }

  /** Closes a listener; its connections live on. */
  async closeListener(listenerId: number): Promise<void> {
    await this.#ask("CloseListener", UINT, listenerId);
  }

  /** Sets when writing to a connection fails, in nanoseconds since 1970; undefined is never. */
  async setWriteDeadline(connId: number, wallNanos: bigint | undefined): Promise<void> {
    const Deadline = wallNanos === undefined ? undefined : gobTime(wallNanos);
    await this.#ask("SetWriteDeadline", DEADLINE_REQ, { ConnID: connId, Deadline });
  }

  /**
   * Has the visor show a notification; false where it cannot. A visor without the method is not asked
   * again (visor.md 6.1).
   */
  async notify(
    { title, body, tag }: { readonly title: string; readonly body: string; readonly tag: string },
  ): Promise<boolean> {
    if (this.#cannotNotify) return false;
    const note = { Title: visorText(title), Body: visorText(body), Tag: visorText(tag) };
    try {
      await this.#ask("Notify", NOTIFY_REQ, note);
      return true;
    } catch (error) {
      if (!(error instanceof VisorError) || error.code !== "unknown-method") throw error;
      this.#cannotNotify = true;
      return false;
    }
  }

  #ask(
    method: string,
    type: GobType,
    argument: GobGiven,
    onLate?: (answer: GobReceived) => void,
  ): Promise<GobReceived> {
    return within(this.#client.call(method, type, argument), {
      clock: this.#clock,
      limitMs: VISOR_CALL_LIMIT_MS,
      what: method,
      ...(onLate === undefined ? {} : { onLate }),
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
}

function addrOf({ net, key, port }: MeshAddress): GobGiven {
  return { Net: net, PubKey: key?.bytes, Port: port };
}

function failureOf(reader: GobReader): IoFailure | undefined {
  const error = reader.struct("Err");
  if (error === undefined) return undefined;
  return ioFailureOf({
    text: visorText(error.text("Text")),
    isNetError: error.flag("IsNetErr"),
    isTimeout: error.flag("IsTimeoutErr"),
  });
}

/** Reads an answer; what does not fit is the visor's failure. */
function checked<T>(method: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof GobMismatch) throw badAnswer(method, error.message);
    throw error;
  }
}

function badAnswer(method: string, text: string): VisorError {
  return new VisorError("bad-answer", `${method}: ${visorText(text)}`);
}
