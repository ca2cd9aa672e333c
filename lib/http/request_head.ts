import { MAX_HEADER_COUNT } from "./limits.ts";

/** Why a request is refused before anybody looks at what it asks for. */
export interface RequestFault {
  kind: "fault";
  /** HTTP status of the answer; the connection is closed after it. */
  status: number;
  /** Text of the answer, without anything the client sent. */
  message: string;
}

/** The first part of a request, checked. */
export interface RequestHead {
  kind: "head";
  /** Upper case, as sent. */
  method: string;
  /** Path and query, starting with `/`, as sent. */
  target: string;
  /** Value of Host; empty when an HTTP/1.0 request has none. */
  host: string;
  /** Every field in order; names as sent, one character a byte in values. */
  headers: readonly (readonly [string, string])[];
  /** Minor version: 0 or 1. */
  minor: number;
  /** Whether the client wants to send another request afterwards. */
  keepAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  expectsContinue: boolean;
  /** Bytes of the body, or that it comes in chunks. */
  body: number | "chunked";
}

const REQUEST_LINE = /^([A-Z]+(?:-[A-Z]+)*) ([!-~]+) HTTP\/([0-9])\.([0-9])$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?$/;

/** A fault with this status and text. */
export function requestFault(status: number, message: string): RequestFault {
  return { kind: "fault", status, message };
}

/**
 * Reads the lines before the empty line, RFC 9112 sections 2 to 6, leaving out all that it allows
 * only for the sake of old software: folded lines, blanks before a colon, two framings at once.
 * What two readers could understand in two ways is how requests are smuggled past one of them.
 *
 * @param lines without their line ends; one character a byte.
 */
export function parseRequestHead(lines: readonly string[]): RequestHead | RequestFault {
  const line = REQUEST_LINE.exec(lines[0] ?? "");
  const [, method, target, major, minor] = line ?? [];
  if (method === undefined || target === undefined) {
    return requestFault(400, "malformed request line");
  }
  if (method === "PRI") return requestFault(400, "HTTP/2 is not supported here, use HTTP/1.1");
  if (major !== "1") return requestFault(505, "HTTP version not supported");
  if (lines.length - 1 > MAX_HEADER_COUNT) return requestFault(431, "too many header fields");
  const headers: [string, string][] = [];
  for (const text of lines.slice(1)) {
    const field = parseField(text);
    if (field === undefined) return requestFault(400, "malformed header field");
    headers.push(field);
  }
  return checkFields({ method, target, minor: minor === "0" ? 0 : 1, headers });
}

/** Name and trimmed value of one header line, or undefined. */
export function parseField(line: string): [string, string] | undefined {
  const match = FIELD.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return [match[1], trimBlanks(match[2])];
}

/** Without spaces and tabs at both ends; by hand, since a pattern would take quadratic time. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

interface RawHead {
  method: string;
  target: string;
  minor: number;
  headers: readonly [string, string][];
}

function checkFields(raw: RawHead): RequestHead | RequestFault {
  const hosts = valuesOf(raw, "host");
  const host = hosts[0] ?? "";
  if (hosts.length > 1) return requestFault(400, "more than one Host header");
  if (hosts.length === 0 && raw.minor > 0) return requestFault(400, "missing Host header");
  if (host !== "" && !HOST.test(host)) return requestFault(400, "malformed Host header");
  const target = originForm(raw.target, host);
  if (target === undefined) return requestFault(400, "malformed request target");
  const body = bodyFraming(raw);
  if (typeof body === "object") return body;
  const expect = valuesOf(raw, "expect").join(",").toLowerCase();
  if (expect !== "" && expect !== "100-continue") return requestFault(417, "expectation failed");
  const connection = valuesOf(raw, "connection").join(",").toLowerCase().split(",").map(trimBlanks);
  return {
    kind: "head",
    method: raw.method,
    target,
    host,
    headers: raw.headers,
    minor: raw.minor,
    keepAlive: raw.minor > 0 && !connection.includes("close"),
    expectsContinue: expect !== "" && raw.minor > 0,
    body,
  };
}

/** Path and query of a target; a whole URL is taken when it names the same host as the request. */
function originForm(target: string, host: string): string | undefined {
  if (/[#\\]/.test(target)) return undefined;
  if (target.startsWith("/")) return target;
  const absolute = /^http:\/\/([^/?]+)(\/.*|\?.*)?$/i.exec(target);
  if (absolute?.[1] === undefined) return undefined;
  if (absolute[1].toLowerCase() !== host.toLowerCase()) return undefined;
  const path = absolute[2] ?? "/";
  return path.startsWith("/") ? path : `/${path}`;
}

function bodyFraming(raw: RawHead): number | "chunked" | RequestFault {
  const lengths = valuesOf(raw, "content-length");
  const codings = valuesOf(raw, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0) {
      return requestFault(400, "Transfer-Encoding together with Content-Length");
    }
    if (raw.minor === 0) return requestFault(400, "Transfer-Encoding in an HTTP/1.0 request");
    if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") {
      return requestFault(501, "transfer coding not supported");
    }
    return "chunked";
  }
  if (lengths.length > 1) return requestFault(400, "more than one Content-Length header");
  const length = lengths[0] ?? "0";
  if (!/^[0-9]+$/.test(length)) return requestFault(400, "malformed Content-Length header");
  return Number(length);
}

function valuesOf(raw: RawHead, name: string): string[] {
  return raw.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}
