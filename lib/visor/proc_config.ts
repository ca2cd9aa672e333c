import { KeyError, PublicKey } from "#crypto";
import { CodedError, fromHex, toHex } from "#kit";
import { EndpointError, parseListenAddress } from "#net";

/** Characters of a value that is still parsed: Linux hands over no longer variable (ours). */
export const MAX_PROC_CONFIG_UNITS = 131_072;
/** Bytes of a proc key (visor.md 1). */
export const PROC_KEY_LENGTH = 16;
/** The port of chat where the visor names none (visor.md 7.1). */
export const STOCK_CHAT_PORT = 1;
/** Largest port of the mesh. */
const MAX_PORT = 65_535;

/** Names one launch of one app, and is all that lets us attach: it never gets into texts or logs. */
export class ProcKey {
  readonly #hex: string;

  /** Lower-case hex digits; see {@link ProcKey.parse}. */
  private constructor(hex: string) {
    this.#hex = hex;
  }

  /** Reads 32 hex digits in either case; the empty text is the key of zeros (visor.md 1). */
  static parse(text: string): ProcKey | undefined {
    const bytes = text === "" ? new Uint8Array(PROC_KEY_LENGTH) : fromHex(text);
    return bytes?.length === PROC_KEY_LENGTH ? new ProcKey(toHex(bytes)) : undefined;
  }

  /** Whether it names nothing. */
  get isZero(): boolean {
    return /^0*$/.test(this.#hex);
  }

  /** The 32 lower-case hex digits, for the connection to the visor alone. */
  reveal(): string {
    return this.#hex;
  }

  /** A text without this key, however the visor quotes it. */
  redact(text: string): string {
    return text.replaceAll(new RegExp(this.#hex, "gi"), "<proc key>");
  }

  /** Never the key. */
  toString(): string {
    return "[proc key]";
  }

  /** Never the key. */
  toJSON(): string {
    return "[proc key]";
  }
}

/** What a visor tells the app that it starts (visor.md 1). */
export interface ProcConfig {
  /** Our name in the visor's table of apps, for log lines; comes from outside. */
  readonly appName: string;
  /** Where the visor listens for its apps. */
  readonly address: {
    readonly host: string;
    readonly port: number;
    /** As it was written. */
    readonly text: string;
  };
  /** A secret. */
  readonly procKey: ProcKey;
  /** The identity that peers see on the mesh; undefined where the visor named none. */
  readonly visorKey: PublicKey | undefined;
  /** 0 to 65535; 0 where the visor assigned none, see {@link STOCK_CHAT_PORT}. */
  readonly routingPort: number;
  /** The directory that the app was started in; may be empty. */
  readonly workDir: string;
}

/** The fields of {@link ProcConfig} before it is known whether one can attach with them. */
export interface ProcConfigFields extends Omit<ProcConfig, "address"> {
  /** `host:port`, unchecked; may be empty. */
  readonly address: string;
}

/** A value of `PROC_CONFIG` that one cannot attach with; the text has no part of the value that is secret. */
export class ProcConfigError extends CodedError {
  /** The whole text is the leading one of visor.md 1 and the cause. */
  constructor(cause: string) {
    super("invalid-proc-config", `invalid PROC_CONFIG env value: ${cause}`);
  }
}

/**
 * Reads the value of the environment variable `PROC_CONFIG` and looks whether it says enough to
 * attach: an address and a proc key that is not all zeros.
 *
 * @throws {ProcConfigError}
 */
export function parseProcConfig(value: string): ProcConfig {
  const fields = readProcConfig(value);
  if (fields.address === "") throw new ProcConfigError("app_server_addr is missing");
  if (fields.procKey.isZero) throw new ProcConfigError("proc_key is missing or all zeros");
  try {
    const { host, port } = parseListenAddress(fields.address);
    return { ...fields, address: { host, port, text: fields.address } };
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    // It quotes the address, and a key may have been pasted there.
    throw new ProcConfigError(`app_server_addr: ${fields.procKey.redact(error.message)}`);
  }
}

/**
 * Reads the value by the rules of visor.md 1 alone: keys that are unknown are ignored, keys that are
 * missing are empty, `null` is a value in which all are missing.
 *
 * @throws {ProcConfigError}
 */
export function readProcConfig(value: string): ProcConfigFields {
  const document = parseDocument(value);
  return {
    appName: textField(document, "app_name"),
    address: textField(document, "app_server_addr"),
    procKey: procKeyField(document),
    visorKey: visorKeyField(document),
    routingPort: portField(document),
    workDir: textField(document, "proc_work_dir"),
  };
}

function parseDocument(value: string): Readonly<Record<string, unknown>> {
  if (value.length > MAX_PROC_CONFIG_UNITS) {
    throw new ProcConfigError(`longer than ${MAX_PROC_CONFIG_UNITS} characters`);
  }
  let document: unknown;
  try {
    document = JSON.parse(value);
  } catch {
    // The runtime's own text quotes the value, and with it the proc key.
    throw new ProcConfigError("not JSON");
  }
  if (document === null) return {};
  if (!isObject(document)) throw new ProcConfigError("not a JSON object");
  return document;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field's value; null is as good as missing. Names that every object has are no fields. */
function field(document: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(document, name) ? document[name] ?? undefined : undefined;
}

function textField(document: Readonly<Record<string, unknown>>, name: string): string {
  const value = field(document, name) ?? "";
  if (typeof value !== "string") throw new ProcConfigError(`${name} is not a string`);
  return value;
}

function procKeyField(document: Readonly<Record<string, unknown>>): ProcKey {
  const key = ProcKey.parse(textField(document, "proc_key"));
  if (key === undefined) {
    throw new ProcConfigError(`proc_key is not ${2 * PROC_KEY_LENGTH} hex digits`);
  }
  return key;
}

function visorKeyField(document: Readonly<Record<string, unknown>>): PublicKey | undefined {
  try {
    return PublicKey.parseField(textField(document, "visor_pk"));
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new ProcConfigError(`visor_pk: ${error.message}`);
  }
}

function portField(document: Readonly<Record<string, unknown>>): number {
  const port = field(document, "routing_port") ?? 0;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new ProcConfigError(`routing_port is not a number from 0 to ${MAX_PORT}`);
  }
  return port;
}
