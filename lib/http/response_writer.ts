import { concat, utf8 } from "#kit";
import type { RequestHead } from "./request_head.ts";
import { StreamReply } from "./stream_reply.ts";

/** How the end of a body is made known to the client. */
export type Framing = "none" | "length" | "chunked" | "until-close";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

const CRLF = utf8("\r\n");
/** What ends a chunked body. */
export const LAST_CHUNK: Uint8Array = utf8("0\r\n\r\n");
/** What a client waits for that sent `Expect: 100-continue`. */
export const CONTINUE: Uint8Array = utf8("HTTP/1.1 100 Continue\r\n\r\n");

/**
 * Which framing a response gets: a {@link StreamReply} has no length, every other one says its own.
 *
 * @param head of the request; undefined when it could not be read.
 * @throws TypeError when it does not.
 */
export function framingOf(response: Response, head: RequestHead | undefined): Framing {
  if (head?.method === "HEAD" || response.status === 204) return "none";
  const stream = response instanceof StreamReply;
  if (!stream && response.headers.has("content-length")) return "length";
  if (!stream) {
    throw new TypeError("Cannot frame a reply: it has no Content-Length and is no stream");
  }
  return head?.minor === 0 ? "until-close" : "chunked";
}

/** Status line and headers, up to the empty line. */
export function encodeHead(
  response: Response,
  options: { framing: Framing; close: boolean; date: string },
): Uint8Array {
  const reason = REASONS[response.status] ?? "Status";
  let text = `HTTP/1.1 ${response.status} ${reason}\r\nDate: ${options.date}\r\n`;
  for (const [name, value] of response.headers) {
    if (name === "connection" && options.close) continue;
    text += `${titleCase(name)}: ${value}\r\n`;
  }
  if (options.framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (options.close) text += "Connection: close\r\n";
  return utf8(`${text}\r\n`);
}

/** Framed pieces: all readers of an event stream get the same ones. */
const chunks = new WeakMap<Uint8Array, readonly Uint8Array[]>();

/** Bytes above which a piece is written as it is, between its length and its end, instead of copied. */
const COPIED_BYTES = 16_384;

/**
 * One piece of a chunked body, as what is to be written one after the other; an empty one would end it,
 * so it becomes no bytes.
 */
export function encodeChunk(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length === 0) return [];
  const start = () => utf8(`${bytes.length.toString(16)}\r\n`);
  if (bytes.length > COPIED_BYTES) return [start(), bytes, CRLF];
  let chunk = chunks.get(bytes);
  if (chunk === undefined) {
    chunk = [concat(start(), bytes, CRLF)];
    chunks.set(bytes, chunk);
  }
  return chunk;
}

/** `content-type` as people write it, since scripts search for it: `Content-Type`. */
function titleCase(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
