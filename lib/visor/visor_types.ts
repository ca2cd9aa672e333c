import type { GobField, GobStructType, GobType } from "./gob_types.ts";

/** A struct type with these fields, in upstream's order. */
function struct(name: string, fields: Readonly<Record<string, GobType>>): GobStructType {
  const list: GobField[] = Object.entries(fields).map(([field, type]) => ({ name: field, type }));
  return { kind: "struct", name, fields: list };
}

/** Numbers of calls, ports and the visor's own numbers of connections and listeners. */
export const UINT: GobType = { kind: "uint" };
/** Counts of bytes. */
export const INT: GobType = { kind: "int" };
/** Texts. */
export const STRING: GobType = { kind: "string" };
const BYTES: GobType = { kind: "bytes" };
const BOOL: GobType = { kind: "bool" };
const PUBLIC_KEY: GobType = { kind: "opaque", flavour: "binary", name: "PubKey" };

/** What stands before the argument of a call (visor.md 5). */
export const REQUEST: GobStructType = struct("Request", { ServiceMethod: STRING, Seq: UINT });
/** What stands before the result of a call (visor.md 5). */
export const RESPONSE: GobStructType = struct("Response", {
  ServiceMethod: STRING,
  Seq: UINT,
  Error: STRING,
});
/** The result of a call that has none, and of one that failed. */
export const EMPTY: GobStructType = struct("", {});
/** One end of a connection over the mesh (visor.md 6.1). */
export const ADDR: GobStructType = struct("Addr", { Net: STRING, PubKey: PUBLIC_KEY, Port: UINT });
/** The result of `Dial`. */
export const DIAL_RESP: GobStructType = struct("DialResp", { ConnID: UINT, LocalPort: UINT });
/** The result of `Accept`. */
export const ACCEPT_RESP: GobStructType = struct("AcceptResp", { Remote: ADDR, ConnID: UINT });
/** The argument of `Write`. */
export const WRITE_REQ: GobStructType = struct("WriteReq", { ConnID: UINT, B: BYTES });
/** Trouble with a connection, inside a result (visor.md 6.4). */
export const IO_ERR: GobStructType = struct("RPCIOErr", {
  Text: STRING,
  IsNetErr: BOOL,
  IsTimeoutErr: BOOL,
  IsTemporaryErr: BOOL,
});
/** The result of `Write`. */
export const WRITE_RESP: GobStructType = struct("WriteResp", { N: INT, Err: IO_ERR });
/** The argument of `Read`. */
export const READ_REQ: GobStructType = struct("ReadReq", { ConnID: UINT, BufLen: INT });
/** The result of `Read`. */
export const READ_RESP: GobStructType = struct("ReadResp", { B: BYTES, N: INT, Err: IO_ERR });
