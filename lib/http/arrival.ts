import type { Arrival } from "./admission.ts";
import type { RequestHead } from "./request_head.ts";

/** A request as it is looked at before its body. */
export function arrivalOf(head: RequestHead, client: string): Arrival {
  return {
    method: head.method,
    target: head.target,
    client,
    header(name) {
      const values = head.headers.filter(([key]) => key.toLowerCase() === name);
      return values.length === 0 ? undefined : values.map(([, value]) => value).join(", ");
    },
  };
}

/** The same for a request that did not come over a connection of ours. */
export function arrivalOfRequest(request: Request, client: string): Arrival {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    client,
    header: (name) => request.headers.get(name) ?? undefined,
  };
}

/** The request as handlers see it. The Host header is not part of its URL: guards read the header. */
export function asRequest(head: RequestHead, body: Uint8Array): Request {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  const bodiless = head.method === "GET" || head.method === "HEAD" || body.length === 0;
  return new Request(`http://localhost${head.target}`, {
    method: head.method,
    headers,
    body: bodiless ? null : body.slice(),
  });
}
