import { utf8 } from "#kit";

/**
 * A refusal as every route gives it (http-api.md 1.3): plain text, one line.
 *
 * @param text without the line end.
 */
export function textReply(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return whole(status, `${text}\n`, {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    ...headers,
  });
}

/** JSON with a line end behind it (http-api.md 1.3). */
export function jsonReply(value: unknown, status = 200): Response {
  return whole(status, `${JSON.stringify(value)}\n`, { "content-type": "application/json" });
}

/** A reply with no body. */
export function emptyReply(status = 200): Response {
  const headers: HeadersInit = status === 204 ? {} : { "content-length": "0" };
  return new Response(null, { status, headers });
}

/** A reply whose whole body is at hand. Its Content-Length marks it as no stream. */
export function whole(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): Response {
  const bytes = utf8(body).slice();
  return new Response(bytes, {
    status,
    headers: { ...headers, "content-length": String(bytes.length) },
  });
}
