import { PublicKey } from "#crypto";
import { ByteQueue, type Clock, concat, errorText, utf8Text } from "#kit";
import type { ByteStream } from "#net";
import {
  GobDecoder,
  GobEncoder,
  GobFault,
  GobReader,
  type GobReceived,
  gobText,
  gobTimeNanos,
  gobUint,
} from "#visor";
import {
  ACCEPT_RESP,
  DIAL_RESP,
  EMPTY,
  READ_RESP,
  REQUEST,
  RESPONSE,
  UINT,
  WRITE_RESP,
} from "../../lib/visor/visor_types.ts";
import type { MeshEnd, MeshPortQueue, MiniMesh } from "./mini_visor_mesh.ts";
import {
  type MiniCall,
  type MiniIoError,
  type MiniReaction,
  type MiniResult,
  newerResult,
  plain,
} from "./mini_visor_replies.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** Most turns of the event loop that a `Write` is delayed by. */
const MOST_TURNS = 40;
const NOTHING: MiniResult = { type: EMPTY, value: {} };

/** What an app needs of its visor; `MiniVisor` says what each is. */
export interface MiniAppVisor {
  readonly mesh: MiniMesh;
  readonly visorKey: PublicKey;
  readonly clock: Clock;
  readonly random: SeededRandom | undefined;
  readonly calls: MiniCall[];
  readonly script: ((call: MiniCall) => MiniReaction | undefined) | undefined;
  readonly lacks: ReadonlySet<string>;
  readonly newer: boolean;
  dropApps(): void;
}

/** One app that is attached to a mini visor. */
export class MiniApp {
  /** Why it ended, where that was the app's fault. */
  ended = "";
  readonly #visor: MiniAppVisor;
  readonly #stream: ByteStream;
  readonly #encoder = new GobEncoder({ firstId: 66 });
  readonly #decoder = new GobDecoder();
  readonly #early = new ByteQueue();
  readonly #listeners = new Map<number, MeshPortQueue>();
  readonly #conns = new Map<number, MeshEnd>();
  readonly #deadlines = new Map<number, bigint>();
  #procKey = "";
  #nextId = 1;
  #writing: Promise<void> = Promise.resolve();
  #dropped = false;

  constructor(visor: MiniAppVisor, stream: ByteStream) {
    this.#visor = visor;
    this.#stream = stream;
  }

  /** Reads the hello; the proc key, or something that is none. */
  async hello(): Promise<string> {
    for (;;) {
      const length = this.#early.peekUint16();
      const hello = length === undefined ? undefined : this.#early.take(2 + length);
      if (hello !== undefined) {
        this.#procKey = String(JSON.parse(utf8Text(hello.subarray(2))).proc_key);
        return this.#procKey;
      }
      const bytes = await this.#read();
      if (bytes === null) return "";
      this.#early.push(bytes);
    }
  }

  /** Serves calls until the connection ends. */
  async run(): Promise<void> {
    let bytes = this.#early.take(this.#early.length) ?? null;
    let header: GobReader | undefined;
    while (bytes !== null) {
      for (const received of this.#decoder.push(bytes)) {
        if (received instanceof GobFault) throw received;
        if (header === undefined) {
          header = new GobReader(received, REQUEST);
          continue;
        }
        // Its own thread: nothing waits for it.
        void this.#handle(header.text("ServiceMethod"), header.uint("Seq"), received);
        header = undefined;
      }
      bytes = await this.#read();
    }
  }

  /** Ends the connection and all that the app had. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#stream.close();
    for (const queue of this.#listeners.values()) queue.close();
    for (const { stream } of this.#conns.values()) stream.close();
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#stream.read(buffer).catch(() => null);
    return count === null ? null : buffer.subarray(0, count);
  }

  async #handle(service: string, seq: number, argument: GobReceived): Promise<void> {
    const dot = service.indexOf(".");
    const method = service.slice(dot + 1);
    const call = { app: this.#procKey, method, argument: plain(argument.value) };
    this.#visor.calls.push(call);
    const reaction = this.#visor.script?.(call);
    if (reaction === "hang") return;
    if (reaction === "die") return this.drop();
    let error = "";
    let result = NOTHING;
    try {
      if (reaction !== undefined && "raw" in reaction) return await this.#send(reaction.raw);
      if (reaction !== undefined && "error" in reaction) throw new Error(reaction.error);
      if (reaction !== undefined && "after" in reaction) await reaction.after;
      if (reaction !== undefined && "result" in reaction) result = reaction.result;
      else if (reaction !== undefined && "io" in reaction) {
        const { io, bytes = new Uint8Array(), count = 0 } = reaction;
        result = method === "Read" ? readResult(bytes, io) : writeResult(count, io);
      } else {
        if (dot < 0) throw new Error(`rpc: service/method request ill-formed: ${service}`);
        if (service.slice(0, dot) !== this.#procKey) {
          throw new Error(`rpc: can't find service ${service}`);
        }
        if (this.#visor.lacks.has(method)) throw new Error(`rpc: can't find method ${service}`);
        result = await this.#perform(method, argument);
      }
    } catch (thrown) {
      error = errorText(thrown);
      result = NOTHING;
    }
    await this.#answer(service, seq, {
      error,
      result: this.#visor.newer ? newerResult(result) : result,
    });
  }

  async #answer(
    service: string,
    seq: number,
    { error, result }: { error: string; result: MiniResult },
  ): Promise<void> {
    const header = { ServiceMethod: service, Seq: seq, Error: error };
    const bytes = concat(
      this.#encoder.encode(RESPONSE, header),
      this.#encoder.encode(result.type, result.value),
    );
    await this.#send(bytes);
  }

  /** One after the other: a stream has one writer at a time. */
  #send(bytes: Uint8Array): Promise<void> {
    this.#writing = this.#writing.then(() => this.#stream.write(bytes)).catch(() => {});
    return this.#writing;
  }

  async #perform(method: string, argument: GobReceived): Promise<MiniResult> {
    switch (method) {
      case "SetDetailedStatus":
      case "SetError":
      case "SetOTP":
        gobText(argument);
        return NOTHING;
      case "Notify":
        new GobReader(argument).text("Title");
        return NOTHING;
      case "SetAppPort":
        gobUint(argument, 65_535);
        return NOTHING;
      case "Listen":
        return this.#listen(new GobReader(argument));
      case "Accept":
        return await this.#accept(gobUint(argument));
      case "Dial":
        return this.#dial(new GobReader(argument));
      case "Read":
        return await this.#readConn(new GobReader(argument));
      case "Write":
        return await this.#writeConn(new GobReader(argument));
      case "CloseConn":
        return this.#closeConn(gobUint(argument));
      case "CloseListener":
        return this.#closeListener(gobUint(argument));
      case "SetWriteDeadline":
        return this.#setDeadline(new GobReader(argument));
      default:
        throw new Error(`rpc: can't find method ${this.#procKey}.${method}`);
    }
  }

  #listen(address: GobReader): MiniResult {
    // Failed attempts advance the counter too (visor.md 6.3).
    const id = this.#nextId++;
    const { mesh, visorKey } = this.#visor;
    const queue = mesh.listen(address.text("Net"), visorKey, address.uint("Port", 65_535));
    this.#listeners.set(id, queue);
    return { type: UINT, value: id };
  }

  async #accept(id: number): Promise<MiniResult> {
    const queue = this.#listeners.get(id);
    if (queue === undefined) throw new Error(`no listener with key ${id}`);
    const connId = this.#nextId++;
    const end = await queue.accept();
    this.#conns.set(connId, end);
    const { net, key, port } = end.remote;
    const Remote = { Net: net, PubKey: key.bytes, Port: port };
    return { type: ACCEPT_RESP, value: { Remote, ConnID: connId } };
  }

  #dial(address: GobReader): MiniResult {
    const connId = this.#nextId++;
    const key = PublicKey.fromBytes(address.opaque("PubKey", "binary"));
    if (key === undefined) throw new Error("Invalid public key");
    const { mesh, visorKey } = this.#visor;
    const to = { net: address.text("Net"), key, port: address.uint("Port", 65_535) };
    const end = mesh.dial(visorKey, to);
    this.#conns.set(connId, end);
    return { type: DIAL_RESP, value: { ConnID: connId, LocalPort: end.localPort } };
  }

  async #readConn(request: GobReader): Promise<MiniResult> {
    const { stream, offline } = this.#conn(request.uint("ConnID"));
    const length = request.int("BufLen");
    // What it does to a visor of 2024 (visor.md 6.3).
    if (length < 0) this.#visor.dropApps();
    if (offline !== undefined) return readResult(new Uint8Array(), { text: offline });
    const buffer = new Uint8Array(Math.max(0, length));
    try {
      const count = await stream.read(buffer);
      if (count === null) return readResult(new Uint8Array(), { text: "EOF" });
      return readResult(buffer.subarray(0, count), undefined);
    } catch {
      return readResult(new Uint8Array(), { text: "io: read/write on closed pipe" });
    }
  }

  async #writeConn(request: GobReader): Promise<MiniResult> {
    const id = request.uint("ConnID");
    const { stream } = this.#conn(id);
    const bytes = request.bytes("B").slice();
    const deadline = this.#deadlines.get(id);
    if (deadline !== undefined && deadline <= this.#visor.clock.wall()) {
      return writeResult(0, { text: "write: i/o timeout", isNet: true, isTimeout: true });
    }
    const turns = this.#visor.random?.below(MOST_TURNS) ?? 0;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    try {
      if (bytes.length > 0) await stream.write(bytes);
      return writeResult(bytes.length, undefined);
    } catch (error) {
      return writeResult(0, { text: errorText(error), isNet: true });
    }
  }

  #conn(id: number): MeshEnd {
    const conn = this.#conns.get(id);
    if (conn === undefined) throw new Error(`no conn with key ${id}`);
    return conn;
  }

  #closeConn(id: number): MiniResult {
    const conn = this.#conns.get(id);
    if (conn === undefined) throw new Error(`no conn: no value with id ${id}`);
    this.#conns.delete(id);
    conn.stream.close();
    return NOTHING;
  }

  #closeListener(id: number): MiniResult {
    const queue = this.#listeners.get(id);
    if (queue === undefined) throw new Error(`no listener: no value with id ${id}`);
    this.#listeners.delete(id);
    queue.close();
    return NOTHING;
  }

  #setDeadline(request: GobReader): MiniResult {
    const id = request.uint("ConnID");
    this.#conn(id);
    const nanos = gobTimeNanos(request.opaque("Deadline", "gob"));
    if (nanos === undefined) this.#deadlines.delete(id);
    else this.#deadlines.set(id, nanos);
    return NOTHING;
  }
}

function ioError(io: MiniIoError | undefined): MiniResult["value"] | undefined {
  if (io === undefined) return undefined;
  return { Text: io.text, IsNetErr: io.isNet ?? false, IsTimeoutErr: io.isTimeout ?? false };
}

function readResult(bytes: Uint8Array, io: MiniIoError | undefined): MiniResult {
  return { type: READ_RESP, value: { B: bytes, N: bytes.length, Err: ioError(io) } };
}

function writeResult(count: number, io: MiniIoError | undefined): MiniResult {
  return { type: WRITE_RESP, value: { N: count, Err: ioError(io) } };
}
