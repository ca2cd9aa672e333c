import { errorText, quoteForLog } from "#kit";
import type { ByteStream } from "#net";
import type { GobGiven, GobReceived, GobType } from "./gob_types.ts";
import { encodeHello } from "./hello.ts";
import { OutgoingBytes } from "./outgoing_bytes.ts";
import type { ProcKey } from "./proc_config.ts";
import { Rpc, type RpcOutcome } from "./rpc.ts";
import { VisorError, type VisorFailure } from "./visor_error.ts";

/**
 * Calls that may wait for their answers, those that nobody waits for any more included: two for each
 * connection over the mesh, and some hundred for all else (ours).
 */
export const MAX_VISOR_CALLS = 4_096;
/** Bytes of the buffer that the visor's answers are read into (ours). */
export const VISOR_READ_BYTES = 65_536;

/** What the visor says when it does not know a method (visor.md 5). */
const UNKNOWN_METHOD = "rpc: can't find method";

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
  readonly #calls = new Map<number, PromiseWithResolvers<GobReceived>>();
  readonly #resolveLost: (error: VisorError) => void;
  #end: VisorError | undefined;
  /** Whether the visor has sent anything: one that refuses us closes without a byte (visor.md 2). */
  #heard = false;

  /** Sends the hello, and reads from now on. */
  constructor(stream: ByteStream, procKey: ProcKey) {
    this.#stream = stream;
    this.#rpc = new Rpc(procKey);
    ({ promise: this.lost, resolve: this.#resolveLost } = Promise.withResolvers<VisorError>());
    this.#outgoing = new OutgoingBytes(stream, (error) => this.#lose("lost", errorText(error)));
    this.#outgoing.push(encodeHello(procKey));
    void this.#readAll();
  }

  /** Whether the visor is there, as far as we know. */
  get connected(): boolean {
    return this.#end === undefined;
  }

  /**
   * Calls a method. The argument must fit its type, and may be changed once this returns. There is no time
   * limit: `within` sets one. Whoever is not interested in the answer has to catch.
   *
   * @throws {VisorError} `call-failed` and `unknown-method` with the visor's text, `too-many-calls`
   * before anything is sent, or why there is no connection.
   */
  call(method: string, type: GobType, argument: GobGiven): Promise<GobReceived> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.#calls.size >= MAX_VISOR_CALLS || this.#outgoing.full) {
      const text = `${method}: too many calls wait for the visor`;
      return Promise.reject(new VisorError("too-many-calls", text));
    }
    const { seq, halves } = this.#rpc.call(method, type, argument);
    const call = Promise.withResolvers<GobReceived>();
    this.#calls.set(seq, call);
    this.#outgoing.push(...halves);
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
      this.#calls.delete(event.seq);
      if (call !== undefined) settle(call, event.outcome);
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
  }
}

function settle(call: PromiseWithResolvers<GobReceived>, outcome: RpcOutcome): void {
  if (outcome.ok) return call.resolve(outcome.result);
  const code = outcome.error.startsWith(UNKNOWN_METHOD) ? "unknown-method" : "call-failed";
  call.reject(new VisorError(code, outcome.error));
}
