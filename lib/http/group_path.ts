import { CodedError, utf8 } from "#kit";
import { BodyError } from "./json_body.ts";
import { MAX_GROUP_ID_BYTES } from "./limits.ts";

/** Where under `/group` a request goes, its parts as they were sent: still percent-encoded. */
export type GroupPath =
  | { readonly kind: "all" }
  /** `/group/<first>`, which names a group, or an operation on none. */
  | { readonly kind: "one"; readonly id: string }
  /** `/group/<id>/<rest>`. */
  | { readonly kind: "part"; readonly id: string; readonly rest: string };

/**
 * Takes the path of a URL apart that begins with `/group`. It is cut before it is decoded, so that an
 * id with a slash in it stays one part.
 */
export function parseGroupPath(url: string): GroupPath {
  const [, , id, ...rest] = new URL(url).pathname.split("/");
  if (id === undefined) return { kind: "all" };
  return rest.length === 0 ? { kind: "one", id } : { kind: "part", id, rest: rest.join("/") };
}

/**
 * The id in a part of a path.
 *
 * @throws {BodyError} `missing group id`, or `invalid group id` for a percent-encoding of no text.
 * @throws {CodedError} `no-such-group` for what no group is called: it goes no further.
 */
export function readGroupId(part: string): string {
  if (part === "") throw new BodyError("missing group id");
  let id: string;
  try {
    id = decodeURIComponent(part);
  } catch {
    throw new BodyError("invalid group id");
  }
  if (!isGroupId(id)) throw new CodedError("no-such-group", "no such group");
  return id;
}

/** Whether a group can be called so: a short text without control characters. */
export function isGroupId(id: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  const hasControl = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(id);
  return id !== "" && !hasControl && utf8(id).length <= MAX_GROUP_ID_BYTES;
}
