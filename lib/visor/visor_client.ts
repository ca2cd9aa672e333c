import { errorText, quoteForLog } from "#kit";
import type { ByteStream } from "#net";
import { type CallKind, CallRoom } from "./call_room.ts";
import type { GobGiven, GobReceived, GobType } from "./gob_types.ts";
import { encodeHello } from "./hello.ts";
import { OutgoingBytes } from "./outgoing_bytes.ts";
import type { ProcKey } from "./proc_config.ts";
import { Rpc, type RpcOutcome } from "./rpc.ts";
import { VisorError, type VisorFailure } from "./visor_error.ts";

/** Bytes of the buffer that the visor's answers are read into (ours). */
export const VISOR_READ_BYTES = 65_536;

/** What a call is besides its argument. */
export interface CallOptions {
  /** What happens when too many calls wait for their answers; `control` where nothing is said. */
  readonly kind?: CallKind | undefined;
  /** Takes a call back that waits for its turn; one that was sent cannot be (visor.md 5.1). */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One attachment to a visor: says hello, then calls and is answered, over a stream that it owns. It
 * ends once and for all when the stream does (visor.md 2.1).
 */
export class VisorClient {
  /** Resolves once, with why there is no connection any more: `closed` when we wanted it so. */
  readonly lost: Promise<VisorError>;
  readonly #stream: ByteStream;
  readonly #rpc: Rpc;
  readonly #outgoing: OutgoingBytes;
  readonly #room: CallRoom;
  readonly #calls = new Map<number, PromiseWithResolvers<GobReceived> & { kind: CallKind }>();
  readonly #resolveLost: (error: VisorError) => void;
  #end: VisorError | undefined;
  /** Whether the visor has sent anything: one that refuses us closes without a byte (visor.md 2). */
  #heard = false;

  /** Sends the hello, and reads from now on. */
  constructor(stream: ByteStream, procKey: ProcKey) {
    this.#stream = stream;
    this.#rpc = new Rpc(procKey);
    ({ promise: this.lost, resolve: this.#resolveLost } = Promise.withResolvers<VisorError>());
    this.#outgoing = new OutgoingBytes(stream, {
      onWritten: () => this.#room.admit(),
      onFailure: (error) => this.#lose("lost", errorText(error)),
    });
    this.#room = new CallRoom(() => this.#outgoing.full);
    this.#outgoing.push(encodeHello(procKey));
    void this.#readAll();
  }

  /** Whether the visor is there, as far as we know. */
  get connected(): boolean {
    return this.#end === undefined;
  }

  /** Whether the visor leaves so many calls unanswered that nothing is written or dialled any more. */
  get stuck(): boolean {
    return this.connected && this.#room.crowded;
  }

  /** A text of the visor as it may be kept, shown and logged: see {@link Rpc.words}. */
  words(text: string): string {
    return this.#rpc.words(text);
  }

  /**
   * Calls a method, at once or when there is room. The argument must fit its type, and must not change
   * until this settles. There is no time limit: `within` sets one. Whoever is not interested in the
   * answer has to catch.
   *
   * @throws {VisorError} `call-failed` with the visor's text; `too-many-calls` and `aborted` when nothing
   * was sent; or why there is no connection.
   */
  call(
    method: string,
    type: GobType,
    argument: GobGiven,
    { kind = "control", signal }: CallOptions = {},
  ): Promise<GobReceived> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const call = Promise.withResolvers<GobReceived>();
    const start = () => {
      const { seq, halves } = this.#rpc.call(method, type, argument);
      this.#calls.set(seq, { ...call, kind });
      this.#outgoing.push(...halves);
    };
    const refuse = (code: "aborted" | "too-many-calls") =>
      call.reject(this.#end ?? refusal(method, code));
    this.#room.enter({ kind, signal, start, refuse });
    return call.promise;
  }

  /** Ends the connection; calls that wait fail. Again: nothing happens. */
  close(): void {
    this.#fail(new VisorError("closed", "connection to the visor is closed"));
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(VISOR_READ_BYTES);
    try {
      while (this.connected) {
        const count = await this.#stream.read(buffer);
        if (count === null) return this.#lose("lost", "unexpected EOF");
        this.#heard ||= count > 0;
        this.#take(buffer.subarray(0, count));
      }
    } catch (error) {
      this.#lose("lost", errorText(error));
    }
  }

  #take(bytes: Uint8Array): void {
    for (const event of this.#rpc.push(bytes)) {
      if (event.kind === "fault") return this.#lose("garbage", event.message);
      const call = this.#calls.get(event.seq);
      if (call === undefined) continue;
      this.#calls.delete(event.seq);
      settle(call, event.outcome);
      this.#room.leave(call.kind);
    }
  }

  #lose(code: VisorFailure, cause: string): void {
    const text = quoteForLog(cause);
    if (this.#heard) return this.#fail(new VisorError(code, `visor connection lost: ${text}`));
    const hint = "proc key unknown or used already, or the visor is gone";
    this.#fail(
      new VisorError("refused", `visor closed before its first answer (${hint}): ${text}`),
    );
  }

  #fail(error: VisorError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#outgoing.stop();
    this.#stream.close();
    this.#resolveLost(error);
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    this.#room.clear();
  }
}

function settle(call: PromiseWithResolvers<GobReceived>, outcome: RpcOutcome): void {
  if (outcome.ok) call.resolve(outcome.result);
  else call.reject(new VisorError("call-failed", outcome.error));
}

function refusal(method: string, code: "aborted" | "too-many-calls"): VisorError {
  const text = code === "aborted" ? "operation was canceled" : "too many calls wait for the visor";
  return new VisorError(code, `${method}: ${text}`);
}
